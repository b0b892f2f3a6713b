"""What values of analyses are called in sentences, English and Chinese; one that is not here is called analysis:value.

A pattern stands for a family of values; what its groups matched is put into the names, in the words below where there are any.
"""

from __future__ import annotations

import re

Names = tuple[str, str]

WORDS: dict[str, Names] = {
    # networks
    "tanh": ("tanh network", "tanh 网络"), "rnn": ("plain network", "普通网络"), "lstm": ("LSTM", "LSTM"),
    "orthogonal": ("tanh network with an orthogonal start", "正交初始化的 tanh 网络"),
    "tanh_untied": ("tanh network with a new matrix at each step", "每步换新矩阵的 tanh 网络"),
    "lstm_no_forget_gate": ("LSTM without forget gate", "没有遗忘门的 LSTM"),
    "overwriting": ("LSTM that overwrites its memory", "每步覆盖记忆的 LSTM"),
    **{f"lstm_{bias}": (f"LSTM with forget bias {bias}", f"遗忘门偏置 {bias} 的 LSTM") for bias in (0, 1, 5)},
    # surfaces
    "flat": ("flat", "平坦部分"), "steep": ("steep", "陡峭部分"), "pascanu": ("Pascanu's problem", "Pascanu 的问题"),
    "latch": ("the latch", "锁存问题"), "slice": ("slices through trained networks", "穿过训练后网络的切片"),
    "small": ("a small learning rate", "小学习率"), "best": ("its best learning rate", "各自最佳学习率"),
    # clipping
    "norm": ("by norm at", "按范数裁剪到"), "value": ("value by value at", "逐元素裁剪到"),
    # speech recognition
    "speech_ctc": ("English digits", "英语数字"), "mandarin_ctc": ("Mandarin", "普通话"), "ctc": ("CTC", "CTC"),
    "trimming": ("a label per step, merged", "逐帧标注再合并"),
    "trimming_silence": ("a label per step with a silence class, merged", "带静音类的逐帧标注再合并"),
    "blanks_first": ("blanks deleted before merging", "先删空白再合并"),
    "repeats": ("with a doubled word", "有叠词的串"), "no_repeats": ("without a doubled word", "没有叠词的串"),
    "repeats_unheard": ("with a doubled word, never in training", "训练中未出现过的叠词串"),
    "repeats_connected": ("with a doubled word, said without a pause", "连读的叠词串"),
    "repeats_pauses": ("with a doubled word, said with a pause between", "中间有停顿的叠词串"),
    # spoken words
    "autoencoder": ("the autoencoder", "自编码器"), "contrastive": ("a contrastive encoder alone", "单独的对比学习编码器"),
    "correspondence": ("learning from pairs", "同词配对训练"), "frozen_decoder": ("one with a frozen decoder", "冻结解码器的网络"),
    "naive": ("ten frames", "十个原始帧"), "untrained": ("an untrained encoder", "未训练的编码器"),
    "own_output": ("a decoder that reads its own output", "读自身输出的解码器"), "lecture": ("the lecture's design", "课上的设计"),
    "teacher_forcing": ("one taught by the right frames", "教师强制的解码器"),
    "vectors": ("vectors", "向量"), "two_stages": ("vectors, then alignment", "先用向量再对齐"), "alignment": ("alignment", "对齐"),
    # stopping
    "with": ("with", "有"), "without": ("without", "没有"),
}
NETWORK, RATE = r"([a-z]\w*?)", r"([\d.]+)"
PATTERNS: dict[str, Names] = {
    "audio_tsne:analogy_gain_autoencoder": ("lead in analogies solved over the same without the offset",
                                            "类比题正确率之差（减去不加偏移的对照）"),
    "audio_tsne:analogy_control_autoencoder": ("share of analogies solved without the offset", "不加偏移时的类比题正确率"),
    "audio_tsne:analogy_over_naive": ("lead in analogies solved over ten frames", "类比题正确率之差（减去十个原始帧）"),
    "audio_tsne:correlation_autoencoder": ("correlation of cosine and phoneme distance", "余弦相似度与音素距离的相关系数"),
    "audio_vectors:writing_over_frozen_encoder": ("mean squared error of what is written, more with a frozen encoder",
                                                  "重建均方误差之差（冻结编码器时多出的部分）"),
    r"audio_vectors:(\w+)_over_(\w+)": ("lead in mean average precision, {0} over {1}", "平均精度均值之差（“{0}”减“{1}”）"),
    "documents:cosine_swapped_flat_by_document": ("cosine of the vectors of a document and its swapped one",
                                                  "文档与其子句互换版的向量余弦"),
    "documents:probe_order_trained_by_document": ("share of documents whose order the probe tells", "探针答对次序的文档比例"),
    "error_surface:flat_share": ("flat share of the plane", "平面上平坦部分的比例"),
    "error_surface:steep_share": ("steep share of the plane", "平面上陡峭部分的比例"),
    r"error_surface:(flat|steep)_share_one_step": ("{0} share of the plane after one step", "只走一步时平面上{0}的比例"),
    "error_surface:between_share_one_step": ("share of the plane in between after one step", "只走一步时平面上中间地带的比例"),
    "error_surface:between_share_below_mean_one_step": ("share of the plane in between after one step, where flat is below the mean",
                                                        "只走一步时平面上中间地带的比例（低于平均值即为平坦）"),
    "error_surface:quantile_ratio_one_step": ("99 % quantile of the gradient norm over its median, after one step",
                                              "只走一步时梯度范数的 99 % 分位数与中位数之比"),
    "error_surface:between_share": ("share of the plane in between", "平面上中间地带的比例"),
    "error_surface:between_share_below_mean": ("share of the plane in between, where flat is below the mean",
                                               "低于平均值即为平坦时，中间地带的比例"),
    "error_surface:quantile_ratio": ("99 % quantile of the gradient norm over its median", "梯度范数的 99 % 分位数与中位数之比"),
    f"error_surface:flew_rate_{RATE}": ("share of starts that leave the plane unclipped, rate {0}",
                                        "不裁剪时走出判定范围的起点比例，学习率 {0}"),
    f"error_surface:success_rescued_(norm|value)_{RATE}_rate_{RATE}": ("of these, share that stay when clipped {0} {1}, rate {2}",
                                                                      "其中{0} {1} 后留在范围内的比例，学习率 {2}"),
    rf"gradient_flow:factor_{NETWORK}": ("gradient kept per step, {0}", "每步保留的梯度，{0}"),
    rf"gradient_flow:constancy_{NETWORK}": ("nearness to 1 of the gradient's factor per step, {0}", "梯度每步缩放因子与 1 的接近程度，{0}"),
    r"recognition:lead_(speech_ctc|mandarin_ctc)_ctc_over_(\w+)": ("{0}: lead in strings with a doubled word right, CTC over {1}",
                                                                    "{0}：叠词串整串正确率之差（CTC 减“{1}”）"),
    r"recognition:right_(speech_ctc|mandarin_ctc)_(ctc|trimming_silence|trimming)_(\w+)": (
        "{0}, {1}: share right of strings {2}", "{0}，{1}：{2}的整串正确率"),
    "repeated_weight:stable_rate_decades": ("powers of ten between the largest stable steps, weight used at every step",
                                            "最大稳定步长相差的数量级，权重反复使用"),
    "repeated_weight:stable_rate_decades_once": ("powers of ten between the largest stable steps, weight used once",
                                                 "最大稳定步长相差的数量级，权重只用一次"),
    "repeated_weight:tied_decades": ("powers of ten by which the product of gains leaves 1, one gain at every step",
                                     "增益连乘积偏离 1 的数量级，每步同一增益"),
    "repeated_weight:untied_decades": ("powers of ten by which the product of gains leaves 1, a new gain at each step",
                                       "增益连乘积偏离 1 的数量级，每步新增益"),
    rf"roughness:roughness_{NETWORK}_rate_{RATE}": ("roughness of the training loss in nats, {0}, rate {1}",
                                                    "训练损失的波动（nat），{0}，学习率 {1}"),
    rf"roughness:roughness_{NETWORK}_best": ("roughness of the training loss in nats, {0}, at its best rate",
                                             "训练损失的波动（nat），{0}，各自最佳学习率"),
    "sentiment:difference": ("lead in accuracy, the network over the bag of words", "准确率之差（网络减词袋模型）"),
    "spoken_search:lead_vectors_over_naive": ("lead in mean average precision, vectors over ten frames",
                                              "平均精度均值之差（向量减十个原始帧）"),
    r"spoken_search:lead_(\w+)": ("lead in mean average precision, {0} over alignment", "平均精度均值之差（“{0}”减“对齐”）"),
    r"spoken_search:precision_at_1_(\w+)": ("share of queries whose first answer is right, {0}", "首个答案正确的查询比例，{0}"),
    "stopping:ended_(with|without)": ("share that ends, {0} the stop symbol", "{0}结束符时自行结束的比例"),
    rf"surfaces:(flat|steep)_{NETWORK}_(pascanu|latch|slice)": ("{0} share, {1}, {2}", "{0}的比例，{1}，{2}"),
    rf"surfaces:arrived_(small|best)_{NETWORK}_(pascanu|latch)": ("share of descents that arrive at {0}, {1}, {2}",
                                                                  "{0}下到达低误差处的比例，{1}，{2}"),
    "translation:lead_over_look_up": ("lead in compounds right, the network over word-for-word look-up",
                                      "复合词正确率之差（网络减逐词查表）"),
}


def value(analysis: str, name: str, chinese: bool = False) -> str:
    """Return what a value of an analysis is called."""
    whole = f"{analysis}:{name}"
    for pattern, names in PATTERNS.items():
        if found := re.fullmatch(pattern, whole):
            return names[chinese].format(*(WORDS.get(group, (group, group))[chinese] for group in found.groups()))
    return whole
