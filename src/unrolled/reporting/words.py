"""Signs of the verdicts, the order of the lecture, and the Chinese of what params.yaml and the results name in English only."""

from unrolled.judging.names import METRICS

SYMBOLS = {"reproduced": "✓", "conditional": "◐", "inconclusive": "?", "contradicted": "✗", "pending": "…"}
VERDICTS_ZH = {"reproduced": "已复现", "contradicted": "不成立", "conditional": "有条件成立", "inconclusive": "无法判定", "pending": "待做"}

# The lecture's sections in its order; claims.yaml names them in both languages.
SECTIONS = ("Example application", "RNN example", "Basic concept", "Depth", "Elman and Jordan networks", "Bidirectional RNN", "LSTM",
            "Learning", "Problem", "Clipping", "Why?", "Helpful techniques", "Many to one", "Many to many", "Sequence to sequence",
            "Autoencoder: text", "Autoencoder: speech")

# How well a published number is known.
STATUS = {"read": ("read in the source", "已查阅出处"), "notes": ("second-hand, the source was not seen", "转引，未见原文"),
          "unverified": ("from memory, not checked", "凭记忆，未核对")}

# How the parts of a rule are put together.
TOGETHER = {"all": ("All of these must hold:", "以下各项须全部成立："),
            "conditions": ("Each of these is a condition; where some hold and others fail, the verdict is conditional:",
                           "以下每一项是一个条件；若有的成立、有的不成立，结论为“有条件成立”：")}

# Section of params.yaml: its title and its purpose.
TASKS_ZH = {
    "temporal_order": ("时间次序", "两个符号离作答处很远，须按其先后次序作答"),
    "adding": ("加法", "隐层同宽与参数量相等时，谁在多长的序列上还学得会"),
    "adding_stopped": ("加法（提前停止）", "损失相近的网络，误差曲面的切片即穿过它们"),
    "clipping": ("裁剪", "加法任务上的单位矩阵初始化 ReLU 与 LSTM，以多种阈值按范数或逐元素裁剪"),
    "character_rates": ("字符模型：学习率", "在莎士比亚字符上做普通梯度下降，记录每次更新"),
    "character_clipping": ("字符模型：梯度裁剪", "同上，以多种阈值按范数或逐元素裁剪"),
    "character_model": ("字符模型", "莎士比亚字符，每种单元各用自己调好的学习率"),
    "timing": ("计时", "在正确的一步发放脉冲，窥视孔正是为这一任务而设计"),
    "sequence_generation": ("序列生成", "没有任何输入，生成给定序列；Clockwork 论文的任务"),
    "digits": ("手写数字", "真实手写数字，每步一个像素"),
    "small_digits": ("低分辨率手写数字", "更小的数字图像，序列长 64 个像素，每种单元几分钟内都能学到一些"),
    "templates": ("模板句", "标签分三种：与上下文无关、取决于左侧上下文、取决于右侧上下文"),
    "templates_state": ("带状态的模板句", "同样的句子，但标签本身携带状态；分别从少量与大量句子学习"),
    "slots": ("槽位填充", "在真实句子上填充槽位"),
    "translation": ("翻译", "英译汉，译文长度与原文不同"),
    "sentiment": ("情感", "逐词读影评短句，读完作答一次"),
    "order_probe": ("词序探针", "同样的词换一个次序，答案也不同"),
    "lines": ("短文本", "逐字符的短文本，带结束符与不带结束符"),
    "documents": ("文档", "莎士比亚的子句组成的文档变成向量再还原，整篇连着读写，或按子句分层"),
    "speech_ctc": ("英语数字串", "语音数字串，用 CTC 或逐帧标注学习"),
    "mandarin_ctc": ("普通话叠词", "带叠词的普通话串，例如“好棒棒”"),
    "audio_words": ("语音词向量", "把读出来的词变成向量，用来在其他嗓音中找回同一个词"),
}

METRICS_ZH = {name: chinese for name, (_, chinese) in METRICS.items()}

CAUSES_ZH = {"loss is not finite": "损失不是有限数", "gradient norm is not finite": "梯度范数不是有限数"}
SPLITS_ZH = {"all": "全部", "train": "训练", "validation": "验证", "test": "测试", "demonstration": "演示", "leak-free": "无泄漏",
             "dates": "日期", "seen": "训练中见过的词", "shown": "展示", "sentences": "句子", "sentences_validation": "句子（验证）",
             "queries": "查询", "queries_validation": "查询（验证）",
             "sentences_second": "句子（第二库）", "queries_second": "查询（第二库）",
             "sentences_third": "句子（第三库）", "queries_third": "查询（第三库）",
             "further_1": "新词表 1", "further_2": "新词表 2", "further_3": "新词表 3", "further_4": "新词表 4"}
SCALES_ZH = {"laptop": "laptop（两核）", "full": "full", "smoke": "smoke（冒烟测试）", "official": "official（官方数据）"}
SOURCES = {"packaged": ("packaged", "默认数据"), "official": ("official", "官方数据")}
