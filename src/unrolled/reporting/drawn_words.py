"""Chinese of the words that figures are drawn with, by the English ones."""

DRAWN_ZH = {
    "updates": "更新次数", "training loss": "训练损失",
}
