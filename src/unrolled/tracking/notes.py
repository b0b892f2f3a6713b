"""What to compare in each experiment: the runs to look at first, their score, a sentence, and the pictures that bear on the task."""

from __future__ import annotations

import dataclasses

from unrolled.scores import is_lower_better


@dataclasses.dataclass(frozen=True)
class Note:
    """What to compare in the experiment of one task.

    Attributes:
        first: runs to look at, which stand at the top of the table; the first two are those of the ready comparison.
        score: the test score that tells them apart.
        text, text_zh: what to compare, in one sentence.
        claims: what the comparison bears on, as in claims.yaml.
        pictures: of analyses, "analysis/file" with wildcards.
    """

    first: tuple[str, ...]
    score: str
    text: str
    text_zh: str
    claims: tuple[str, ...]
    pictures: tuple[str, ...] = ()


NOTES = {
    "adding": Note(
        ("lstm", "tanh", "gru", "irnn", "scrn", "tanh_matched", "lstm_no_forget_gate", "overwriting",
         "lstm_bias_0", "lstm_bias_5"), "success",
        "LSTM against the plain network (tanh): who still learns when the two numbers lie 50 steps back? Names ending in "
        "_10, _20, _100 are "
        "other lengths, _matched has as many parameters as LSTM.",
        "LSTM 对普通循环网络（tanh）：要加的两个数相隔多达 50 步时，谁还学得会？"
        "以 _10、_20、_100 结尾的是其他长度，_matched 与 LSTM 参数量相等。",
        ("E1", "E3", "E4", "E5", "E8"), ("lstm_vs_rnn/*", "success_by_length/*", "gradient_flow/*", "activations/*")),
    "temporal_order": Note(
        ("lstm", "tanh", "scrn", "tanh_as_scrn", "gru", "irnn", "lstm_no_forget_gate", "overwriting"), "accuracy",
        "Which network still tells two symbols apart by their order after 50 steps? Names ending in _20 are length 20.",
        "相隔 50 步，哪种网络还能分辨两个符号的先后？以 _20 结尾的是长度 20。",
        ("E3", "E5", "E7"), ("success_by_length/*",)),
    "adding_stopped": Note(
        ("lstm", "tanh", "lstm_bias_0", "lstm_bias_5", "lstm_no_forget_gate"), "mean_squared_error",
        "Networks that all stopped at one training loss, so that the surfaces cut through them can be compared; look at how "
        "many updates each took.",
        "各网络都在同一训练损失处停下，穿过它们的误差曲面才可比较；看各自用了多少次更新。",
        ("D3", "E2"), ("surfaces/*",)),
    "clipping": Note(
        ("irnn_norm_1_rate_0.003", "irnn_none_rate_0.003", "irnn_norm_1_rate_0.01", "irnn_none_rate_0.01", "irnn_norm_1_rate_0.001",
         "irnn_none_rate_0.001"), "success",
        "Clipped at norm 1 (irnn_norm_1) against not clipped (irnn_none), rate by rate; then the gradient norms in the chart view.",
        "按范数 1 裁剪（irnn_norm_1）与不裁剪（irnn_none），逐个学习率比较；再到图表视图看梯度范数。",
        ("D5",), ("clipping/*_clipping.svg", "error_surface/*")),
    "character_rates": Note(
        ("lstm_rate_8", "tanh_rate_8", "lstm_rate_4", "tanh_rate_4", "lstm_rate_16", "tanh_rate_16"), "bits_per_character",
        "Rough or calm: training/loss_first_seed of tanh against LSTM at one rate, plain gradient descent without clipping.",
        "起伏还是平稳：同一学习率下 tanh 与 LSTM 的 training/loss_first_seed，普通梯度下降，不裁剪。",
        ("D2",), ("roughness/*",)),
    "character_clipping": Note(
        ("relu_norm_0_25_rate_8", "relu_none_rate_8", "tanh_norm_0_25_rate_8", "tanh_none_rate_8",
         "tanh_norm_1_rate_8", "relu_norm_1_rate_8"), "success",
        "Clipped (relu_norm_0_25, tanh_norm_0_25) against not clipped (relu_none, tanh_none) at one rate; other thresholds beside them.",
        "同一学习率下，裁剪（relu_norm_0_25、tanh_norm_0_25）与不裁剪（relu_none、tanh_none）比较；旁边是其他阈值。",
        ("D5",), ("clipping/*_character_clipping.svg",)),
    "character_model": Note(
        ("lstm", "tanh", "scrn", "tanh_as_scrn", "gru", "sigmoid", "relu", "irnn"), "bits_per_character",
        "Bits per character on Shakespeare, every cell at its own tuned rate; tanh_as_scrn has as many parameters as SCRN.",
        "莎士比亚文本每个字符的比特数，各单元用各自调好的学习率；tanh_as_scrn 与 SCRN 参数量相等。",
        ("D6", "E7", "E8"), ("special_cells/character_model.svg", "activations/*")),
    "timing": Note(
        ("peephole", "lstm", "lstm_matched", "tanh"), "success",
        "Peepholes against LSTM of equal width (lstm) and of no fewer parameters (lstm_matched) at firing on the right step.",
        "在正确的一步发放脉冲：窥视孔 LSTM 与隐层同宽（lstm）、参数不少于它（lstm_matched）的 LSTM 比较。",
        ("C5",), ("special_cells/timing.svg",)),
    "sequence_generation": Note(
        ("clockwork", "elman", "lstm", "orthogonal"), "normalised_error",
        "Clockwork against the plain network (elman) and LSTM at generating a sequence without input, about 380 parameters each.",
        "无输入生成序列：Clockwork 与普通网络（elman）、LSTM 比较，参数量各约 380。",
        ("E6",), ("special_cells/sequence_generation.svg",)),
    "small_digits": Note(
        ("lstm", "tanh", "tanh_matched", "irnn", "gru", "sigmoid", "relu", "sigmoid_identity", "tanh_identity", "orthogonal"), "accuracy",
        "Sigmoid, tanh and ReLU (irnn: ReLU with identity start) beside LSTM and GRU on digits of 8x8 pixels, one pixel a step.",
        "8x8 手写数字，每步一个像素：sigmoid、tanh、ReLU（irnn 为单位矩阵初始化的 ReLU）与 LSTM、GRU 比较。",
        ("D6", "E5", "E8"), ("activations/*",)),
    "digits": Note(
        ("lstm", "tanh", "tanh_matched"), "accuracy",
        "LSTM against tanh of equal width (tanh) and of equal parameters (tanh_matched) on digits of 14x14 pixels, one pixel a step.",
        "14x14 手写数字，每步一个像素：LSTM 与隐层同宽（tanh）、参数量相等（tanh_matched）的普通网络比较。",
        ("E1",), ("lstm_vs_rnn/*",)),
    "templates": Note(
        ("elman", "feed_forward", "bidirectional_elman", "elman_matched"), "accuracy_slots",
        "final/accuracy_left (needs memory), final/accuracy_right (needs to look ahead) and final/accuracy_free (needs "
        "neither), network by network.",
        "逐个网络看 final/accuracy_left（需要记忆）、final/accuracy_right（需要看后文）与 final/accuracy_free（都不需要）。",
        ("A2", "A3", "A7"), ("worked_examples/two_contexts.svg",)),
    "templates_state": Note(
        ("jordan_few", "elman_few", "jordan", "elman", "jordan_own", "jordan_own_few", "feed_forward"), "accuracy_slots",
        "Jordan against Elman where labels carry the state: from 60 sentences (_few) and from 400.",
        "标签携带状态时 Jordan 与 Elman 比较：学 60 句（_few）与学 400 句。",
        ("A6",), ()),
    "slots": Note(
        ("elman", "feed_forward", "bidirectional_elman", "bidirectional_lstm", "elman_window", "feed_forward_window", "jordan",
         "jordan_window"), "chunk_f1",
        "Slot filling on ATIS: does memory help (elman against feed_forward), the other direction (bidirectional_elman), the "
        "target fed back (jordan)?",
        "ATIS 槽位填充：记忆（elman 对 feed_forward）、反方向（bidirectional_elman）、反馈目标（jordan）是否有帮助？",
        ("A3", "A6", "A7"), ("reading/*",)),
    "translation": Note(
        ("encoder_decoder", "without_stop", "compounds", "leak_free", "dates_attention", "dates"), "exact_match",
        "With and without a symbol for the end (final/ended), and dates with and without attention.",
        "有无结束符（final/ended），以及日期任务有无注意力。",
        ("F4", "F5"), ("translation/*", "stopping/*")),
    "sentiment": Note(
        ("lstm", "averaged", "elman"), "accuracy",
        "A network that reads word by word (lstm, elman) against the mean of the word vectors (averaged) on the opinion of reviews.",
        "判断影评褒贬：逐词读入的网络（lstm、elman）与词向量平均（averaged）比较。",
        ("F1",), ("sentiment/*",)),
    "order_probe": Note(
        ("lstm", "averaged", "gru", "elman"), "accuracy",
        "The same words in another order: averaged cannot do better than half, do the networks?",
        "词相同而次序不同：averaged 至多答对一半，网络能否更好？",
        ("F1",), ("sentiment/*",)),
    "lines": Note(
        ("with_stop", "without_stop"), "bits_per_character",
        "Texts with and without a symbol for their end: alike in bits per character; the picture shows which of them end.",
        "有无结束符的文本：每字符比特数相近；图中可见哪一种会结束。",
        ("F5",), ("stopping/*",)),
    "documents": Note(
        ("hierarchical", "flat"), "exact",
        "Documents written back exactly: clause by clause (hierarchical) against all words in a row (flat).",
        "逐字还原文档的比例：按子句分层（hierarchical）与所有词连成一行（flat）比较。",
        ("F6", "F7"), ("documents/*",)),
    "speech_ctc": Note(
        ("ctc", "trimming", "trimming_silence"), "accuracy_repeats",
        "Strings with a doubled digit (final/accuracy_repeats): CTC against a label at every step with repeats trimmed.",
        "有重复数字的串（final/accuracy_repeats）：CTC 与逐帧标注再合并重复比较。",
        ("F2", "F3"), ("recognition/*_speech_ctc.svg",)),
    "mandarin_ctc": Note(
        ("ctc", "trimming", "trimming_silence"), "accuracy_repeats",
        "Strings with a doubled word such as 好棒棒 (final/accuracy_repeats): CTC against a label at every step with repeats trimmed.",
        "有叠词的串，如“好棒棒”（final/accuracy_repeats）：CTC 与逐帧标注再合并重复比较。",
        ("F2", "F3"), ("recognition/*_mandarin_ctc.svg",)),
    "audio_words": Note(
        ("autoencoder", "untrained", "correspondence"), "mean_average_precision",
        "Finding a spoken word again in other voices: trained without labels (autoencoder, correspondence) against an "
        "encoder at random values (untrained).",
        "在其他说话人的语音中找回同一个词：无标注训练（autoencoder、correspondence）与随机编码器（untrained）比较。",
        ("F8", "F9"), ("audio_vectors/*", "audio_tsne/*", "spoken_search/*")),
}


def of(task: str, runs: tuple[str, ...], score: str) -> Note:
    """Return the note of a task, or one made of its first runs where params.yaml has a task of the reader's own."""
    return NOTES.get(task) or Note(runs[:2], score, f"The runs by final/{score}.", f"按 final/{score} 比较各次运行。", ())


def _better(score: str) -> tuple[str, str]:
    """Say which way a score is better, in English and Chinese; nothing where nobody has said, as of a task of the reader's own."""
    try:
        return (" (lower is better)", "（越低越好）") if is_lower_better(score) else (" (higher is better)", "（越高越好）")
    except ValueError:
        return "", ""


def text_of(task: str, note: Note) -> str:
    """Return what an experiment's description says, in Markdown, English and Chinese."""
    first, second = (*note.first, "", "")[:2]
    better = _better(note.score)
    return (f"**{note.text}** Look at `final/{note.score}`{better[0]}.\n\n"
            f"**{note.text_zh}** 看 `final/{note.score}`{better[1]}。\n\n"
            f"- **Views ▾ → What to compare** puts the runs to look at first, with the columns and charts that tell them apart."
            f" 打开 **Views ▾ → What to compare**，要看的运行排在最前，只留有用的列与图。\n"
            f"- Ready links / 现成链接: [{first} and {second} against each other / 对照](/unrolled/{task}/compare) · "
            f"[runs / 运行](/unrolled/{task}) · [charts / 图表](/unrolled/{task}/charts)\n"
            f"- Any two runs: tick both, press **Compare**. 任意两个运行：都勾上，点 **Compare**。\n"
            f"- `final/…`: mean of the test scores over seeds; `spread/…`: their standard deviation; `seed_by_seed/…`: "
            f"one by one (the step "
            f"is the seed); `training/…` and `validation/…`: curves by update. `final/…` 为各种子测试得分的均值，`spread/…` 为标准差，"
            f"`seed_by_seed/…` 为逐个种子（步号即种子），`training/…`、`validation/…` 为随更新变化的曲线。\n"
            f"- Figures: open `{first}`, **Artifacts**, `figures`. 图：打开 `{first}`，在 **Artifacts** 的 `figures` 下。"
            + (f"\n- Claims / 相关论断: {', '.join(note.claims)}" if note.claims else ""))
