"""What metrics are called in sentences: English and Chinese; one that is not here is called by its own name."""

from __future__ import annotations

METRICS = {
    "accuracy": ("accuracy", "准确率"), "accuracy_free": ("accuracy of labels that need no context", "与上下文无关的标签准确率"),
    "accuracy_left": ("accuracy of labels that need the left context", "左侧上下文标签准确率"),
    "accuracy_right": ("accuracy of labels that need the right context", "右侧上下文标签准确率"),
    "accuracy_repeats": ("accuracy on strings with repeats", "含重复的串的准确率"), "accuracy_slots": ("accuracy of slots", "槽位准确率"),
    "begun_right": ("share that begins right", "开头正确的比例"), "bits_per_character": ("bits per character", "每字符比特数"),
    "chunk_f1": ("chunk F1", "组块 F1"), "ended": ("share that ends", "自行结束的比例"), "exact": ("exact share", "一字不差率"),
    "exact_match": ("exact match", "整串正确率"), "exact_swapped": ("share exact in both orders", "两种次序都一字不差的比例"),
    "length_error": ("error of length in characters", "长度误差（字符数）"),
    "mean_average_precision": ("mean average precision", "平均精度均值"),
    "mean_squared_error": ("mean squared error", "均方误差"), "normalised_error": ("normalised error", "归一化误差"),
    "success": ("success", "成功率"), "symbol_error_rate": ("symbol error rate", "符号错误率"),
    "token_accuracy": ("share of words right", "词正确率"),
}


def metric(name: str, chinese: bool = False) -> str:
    """Return what a metric is called."""
    return METRICS.get(name, (name, name))[chinese]
