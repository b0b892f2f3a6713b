"""Slips found in the notes while computing what they state, in our own words."""

from unrolled.analyses.base import Erratum

ERRATA = (
    Erratum("RNN example", "A1", "The second output is printed as (2, 12); with all weights 1 it is (12, 12).",
            "第二步的输出写成 (2, 12)；权重全为 1 时应为 (12, 12)。"),
    Erratum("LSTM", "C2", "Gate pulls are printed with the bias in some places (110, 10, 90) and without it in others (100 and 0). "
            "Taken literally, a pull of 0 is a half-open gate, and the outputs would be 1.5, 3.5, 4 and 8.5.",
            "门的输入有时含偏置（110、10、90），有时不含（100 与 0）。若照字面取 0，门是半开的，输出会是 1.5、3.5、4、8.5。"),
    Erratum("LSTM", "C2", "The example ends after the fourth input; a fifth, (3, -1, 0), clears the memory.",
            "算例止于第四个输入；第五个输入 (3, -1, 0) 会清空记忆。"),
    Erratum("LSTM", "C3", "The notes say that there are more parameters \"by four times\", which, taken literally, is five times as many; "
            "there are four times as many.",
            "笔记写作“参数量多了4倍”，照字面就是五倍；实际是四倍。"),
    Erratum("LSTM", "C3", "Four times the parameters is true of the recurrent layer alone; with the read-out the factor is smaller "
            "(3.75 for 10 inputs, 100 hidden units and 10 outputs).",
            "“四倍参数”只对循环层成立；算上输出层倍数更小（10 个输入、100 个隐层单元、10 个输出时为 3.75 倍）。"),
    Erratum("LSTM", "C5", "The extension is described with the inputs of the step after and the squashed memory fed back; a peephole "
            "(Gers & Schmidhuber 2000) lets the gates see the memory itself.",
            "扩展部分写成读入下一步的输入与激活后的记忆；窥视孔（Gers 与 Schmidhuber，2000）是让门直接看到记忆本身。"),
    Erratum("Clipping", "D4", "A threshold of 15 is given without saying whether it bounds the norm or each value; on the surface of the "
            "picture the source (Pascanu et al. 2013) uses a norm of 1.",
            "阈值 15 未说明是限制范数还是每个分量；图中的误差曲面出自 Pascanu 等人（2013），原文用范数 1。"),
    Erratum("Helpful techniques", "E4", "The forget gate is said to need a large bias so that it mostly forgets; in the notes' own "
            "convention (open means keep) a large bias makes it mostly remember.",
            "笔记说遗忘门的偏置要大，以便多数时候“遗忘”；按笔记自己的约定（打开即保留），偏置大意味着多数时候保持记忆。"),
    Erratum("Helpful techniques", "E5", "The GRU is described by its linked gate alone; it also has a reset gate.",
            "GRU 只讲了联动的门；它还有一个重置门。"),
)
