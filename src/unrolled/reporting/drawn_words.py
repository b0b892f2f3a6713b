"""Chinese of the words that figures are drawn with, by the English ones; names of runs, cells and labels of data stay as they are."""

from __future__ import annotations

import re

from unrolled.reporting.words import METRICS_ZH

DRAWN_ZH = {
    # Axes
    "updates": "更新次数", "training loss": "训练损失", "loss": "损失", "error": "误差", "length": "长度", "lag": "间隔",
    "lag (steps)": "间隔（步）",
    "time, s": "时间（秒）", "probability": "概率", "density": "密度", "weight": "权重", "output": "输出", "memory": "记忆",
    "chance": "随机水平",
    "bits": "比特", "learning rate": "学习率", "largest stable learning rate": "最大稳定学习率", "share of seeds": "种子比例",
    "share of descents": "下降过程的比例", "share of the plane": "占平面的比例", "share of windows": "窗口比例",
    "share that flies off": "飞出的比例",
    "rate of success": "成功率", "hidden unit": "隐层单元", "gradient norm": "梯度范数", "gradient for w": "对 w 的梯度",
    "gradient norm, lag 0 = 1": "梯度范数（间隔 0 处为 1）", "gradient, lag 0 = 1": "梯度（间隔 0 处为 1）",
    "gradient norm (largest of a recorded window)": "梯度范数（每个记录窗口的最大值）", "factor per step": "每步因子",
    "decades from 1": "偏离 1 的数量级", "log10 of error": "误差的 log10", "spread (nats)": "波动（nat）",
    "spread around the moving mean (nats)": "相对滑动平均的波动（nat）", "loss (nats per character)": "损失（每字符 nat）",
    "nats per character": "每字符 nat", "characters of a text": "文本字符数", "exact match": "整串正确率",
    "exact match, real compounds": "整串正确率（真实复合词）", "random two-word combinations learned from": "学过的随机双词组合数",
    "share of documents written exactly": "一字不差写出的文档比例", "cosine of two documents' vectors": "两份文档向量的余弦",
    "linear probe: share right": "线性探针：正确的比例", "mean average precision": "平均精度均值", "precision at 1": "首位准确率",
    "mean average precision (MAP)": "平均精度均值（MAP）", "MAP, voices' means taken away": "MAP（减去各嗓音均值）",
    "mean cosine across voices": "跨嗓音的平均余弦", "phonemes that differ (6: so many or more)": "不同的音素数（6：六个或更多）",
    "reconstruction loss on test words (mean square)": "测试词的重建损失（均方）", "share of symbols right": "正确符号的比例",
    "strings all right": "整串全对", "steep share": "陡峭的比例", "flat share": "平坦的比例",
    "spectral radius × slope, first seed": "谱半径 × 斜率（第一个种子）", "hidden unit, by difference": "隐层单元（按差别排序）",
    "One dot per seed": "每个种子一个点", "bits per character, one dot per seed": "每字符比特数，每个种子一个点",
    "chunk F1 on the test sentences, one dot per seed": "测试句的块级 F1，每个种子一个点",
    "chunk F1, equal parameters, one dot per seed": "块级 F1，参数量相等，每个种子一个点",
    "mean opening of the forget gate after training, one dot per seed": "训练后遗忘门的平均开度，每个种子一个点",
    "normalised squared error, one dot per seed": "归一化平方误差，每个种子一个点",
    "share of spikes exactly on time, one dot per seed": "恰好准时的脉冲比例，每个种子一个点",
    "sigmoid(bias), where it started": "sigmoid(偏置)，起点",
    # Titles
    "Output": "输出", "Gradient": "梯度", "Gradient norm": "梯度范数", "Gradient by lag": "梯度随间隔的变化",
    "Gradient by lag, untrained": "梯度随间隔的变化（未训练）",
    "A spike at the right step": "在正确的一步发放脉冲", "Adding, T = 50": "加法，T = 50", "Adding: who still learns": "加法：谁还学得会",
    "After training on adding": "在加法上训练后", "At initialisation": "初始时", "Characters of Shakespeare": "莎士比亚字符",
    "Characters, tuned rates": "字符，调好的学习率", "Demonstration set": "演示集",
    "Error, and descents from one start": "误差，以及从同一起点的下降",
    "Generating a sequence without input": "无输入生成序列", "How far the gradient drifts from 1": "梯度偏离 1 有多远",
    "How large a step may be, by weight": "不同权重处步子能有多大", "LSTM, bias 1: gradient norm": "LSTM，偏置 1：梯度范数",
    "LSTM, bias 1: loss": "LSTM，偏置 1：损失",
    "One-unit surfaces": "单神经元曲面", "Other sets (dashed: look-up, leak-free)": "其他数据（虚线：查表，无泄漏）",
    "Pascanu's plane": "Pascanu 的平面",
    "latch plane": "锁存平面", "Roughness": "起伏程度", "Roughness, no clipping": "起伏程度（不裁剪）",
    "Texts are broken off after 300 characters": "文本在 300 个字符处截断", "The lecture's LSTM cell": "课上的 LSTM 单元",
    "The same, close by": "同一处，放大看",
    "What training makes of it": "训练之后", "Where a threshold acts": "阈值在哪里起作用", "Worse than chance in the end": "最终不如随机",
    "plain: gradient norm": "普通网络：梯度范数", "plain: loss": "普通网络：损失",
    "stable: no step longer than 1": "稳定：没有一步长于 1", "slices, trained": "切片（训练后）",
    # Lines and rows
    "1 word at a time": "每次看 1 个词", "3 words at a time": "每次看 3 个词", "7 words at a time": "每次看 7 个词",
    "Clockwork, published": "Clockwork（论文）",
    "plain, published": "普通网络（论文）", "DTW, Euclidean": "DTW（欧氏距离）", "DTW, cosine": "DTW（余弦）",
    "Elman, 1 layer": "Elman，1 层", "Elman, 2 layers": "Elman，2 层",
    "Elman, 3 layers": "Elman，3 层", "LSTM, 1 layer": "LSTM，1 层", "LSTM, 2 layers": "LSTM，2 层", "LSTM, 3 layers": "LSTM，3 层",
    "Elman, two directions": "双向 Elman",
    "LSTM, two directions": "双向 LSTM", "Jordan, own outputs": "Jordan（用自己的输出）", "Jordan, teacher forcing": "Jordan（教师强制）",
    "LSTM, no forget gate": "LSTM（无遗忘门）",
    "a few frames, no training": "若干帧拼接，无训练", "a new gain at each step": "每一步用新的增益",
    "one gain, used at every step": "每一步用同一个增益", "used 999 times": "使用 999 次",
    "used once": "使用 1 次", "alignment (DTW)": "对齐（DTW）", "autoencoder": "自编码器", "averaged": "取平均",
    "bag of words, swapped": "词袋，互换",
    "bag of words, unrelated": "词袋，无关", "flat, swapped": "不分层，互换", "flat, unrelated": "不分层，无关",
    "hierarchical, swapped": "分层，互换",
    "hierarchical, unrelated": "分层，无关", "flat": "不分层", "hierarchical": "分层", "correspondence": "对应训练",
    "correspondence training": "对应训练",
    "vectors learned from pairs": "由配对学得的向量", "data": "数据", "compounds": "复合词", "dates": "日期",
    "dates, attention": "日期（注意力）",
    "decoder reads its own output": "解码器读回自身输出", "decoder reads the right frame": "解码器读正确的帧",
    "decoder reads the right frame in training": "训练时解码器读正确的帧",
    "decoder reads vector and position (constant)": "解码器读向量与位置（常量）",
    "doubled, connected": "叠词，连读", "doubled, with pauses": "叠词，有停顿", "no word doubled": "无叠词",
    "encoder alone, contrast of mined pairs": "仅编码器，自动配对的对比训练",
    "feed-forward": "前馈", "first direction": "第一方向", "second direction": "第二方向", "first word, bag": "首词，词袋",
    "first word, trained": "首词，已训练",
    "first word, untrained": "首词，未训练", "last word, bag": "末词，词袋", "last word, trained": "末词，已训练",
    "last word, untrained": "末词，未训练",
    "order of clauses, bag": "子句次序，词袋", "order of clauses, trained": "子句次序，已训练",
    "order of clauses, untrained": "子句次序，未训练",
    "flat, latch": "平坦，锁存", "flat, pascanu": "平坦，Pascanu", "steep, latch": "陡峭，锁存", "steep, pascanu": "陡峭，Pascanu",
    "steep": "陡峭", "flat below": "以下平坦", "steep above": "以上陡峭",
    "frozen encoder, trained decoder": "冻结编码器，训练解码器", "trained encoder, frozen decoder": "训练编码器，冻结解码器",
    "identity relu": "单位矩阵初始化 relu",
    "identity sigmoid": "单位矩阵初始化 sigmoid", "identity tanh": "单位矩阵初始化 tanh", "ordinary relu": "普通 relu",
    "ordinary sigmoid": "普通 sigmoid", "ordinary tanh": "普通 tanh",
    "orthogonal relu": "正交 relu", "orthogonal sigmoid": "正交 sigmoid", "orthogonal tanh": "正交 tanh", "orthogonal": "正交",
    "leak-free": "无泄漏", "leaking": "有泄漏",
    "naive": "朴素编码", "plain": "普通网络", "plain (tanh)": "普通网络（tanh）",
    "plain, equal parameters": "普通网络，参数量相等",
    "random": "随机", "real compounds only": "只用真实复合词", "silence": "静音", "blank": "空白", "small digits": "低分辨率手写数字",
    "tanh network": "tanh 网络",
    "temporal order": "时间次序", "ten frames as a vector": "十帧拼成向量", "these, then alignment": "先用它们，再对齐",
    "vectors": "向量", "vectors, then alignment": "先用向量，再对齐",
    "trained with the stop symbol": "带结束符训练", "trained without": "不带结束符训练", "trimming": "合并重复",
    "trimming silence": "合并重复（含静音）",
    "trimming silence blanks first": "先删静音再合并", "ctc blanks first": "CTC，先删空白", "unclipped": "不裁剪", "untrained": "未训练",
    "untrained encoder": "未训练的编码器",
    "what is read": "读出的内容", "what is written": "写入的内容", "none": "不裁剪", "adding": "加法", "digits": "手写数字",
    "characters": "字符", "translation": "翻译", "documents": "文档",
    "sentiment": "情感", "timing": "计时", "templates": "模板句", "slots": "槽位填充", "clipping": "裁剪", "lines": "短文本",
    "Reviews (dashed: bag of words)": "影评（虚线：词袋）", "Order probe": "词序探针", "value": "取值",
    "... and is given the right frames again": "…… 仍给正确的帧", "overwriting": "覆盖式", "coupled": "耦合门", "peephole": "窥视孔",
} | {metric.replace("_", " "): chinese for metric, chinese in METRICS_ZH.items()}
PATTERNS = [(re.compile(pattern), chinese) for pattern, chinese in (
    (r"rate ([\d.e+-]+)", r"学习率 \1"), (r"(\w+),? rate ([\d.e+-]+)", r"\1，学习率 \2"),
    (r"(T = \d+), rate ([\d.e+-]+)", r"\1，学习率 \2"),
    (r"bias (\d+)", r"偏置 \1"), (r"LSTM, bias (\d+)", r"LSTM，偏置 \1"), (r"norm ([\d.]+)", r"范数 \1"), (r"value ([\d.]+)", r"逐元素 \1"),
    (r"adding, (T = \d+)", r"加法，\1"), (r"ctc: (.+)", r"CTC：\1"), (r"trimming: (.+)", r"合并重复：\1"),
    (r"trimming silence: (.+)", r"合并重复（含静音）：\1"),
    (r"(\w+), shuffled", r"\1，打乱词序"), (r"(\d+)-grams, counted", r"\1-gram 计数"),
    (r"long, by clause \((\d+k)\)", r"长，分层（\1）"), (r"short, by clause \((\d+k)\)", r"短，分层（\1）"),
    (r"long, flat \((\d+k)\)", r"长，不分层（\1）"), (r"short, flat \((\d+k)\)", r"短，不分层（\1）"))]


def in_chinese(drawn: str) -> str | None:
    """Return the Chinese of what is drawn, None of a number, a name, or what has none."""
    if drawn in DRAWN_ZH:
        return DRAWN_ZH[drawn]
    for pattern, chinese in PATTERNS:
        if pattern.fullmatch(drawn):
            return pattern.sub(chinese, drawn)
    return None
