"""Chinese of what sentences name in English only: sections of params.yaml, and kinds of clipping."""

from __future__ import annotations

import re

SECTIONS = {"adding": "加法", "temporal_order": "时间次序", "clipping": "加法", "character_clipping": "字符模型"}
COLUMNS = ((r"adding, (T = \d+): log10 of error", r"加法，\1：误差的 log10"), (r"small digits: accuracy", "低分辨率手写数字：准确率"),
           (r"characters: bits", "字符：比特数"))
CLIPPING = ((r"none", "不裁剪"), (r"norm (.+)", r"范数 \1"), (r"value (.+)", r"逐元素 \1"))


def section(name: str) -> str:
    """Return the Chinese name of a section, or its own where it has none here."""
    return SECTIONS.get(name, name)


def column(name: str) -> str:
    """Return the Chinese of a column of the comparison of activations."""
    return _translated(name, COLUMNS)


def clipping(kind: str) -> str:
    """Return the Chinese of a kind of clipping."""
    return _translated(kind, CLIPPING)


def _translated(text: str, patterns: tuple[tuple[str, str], ...]) -> str:
    for pattern, chinese in patterns:
        if re.fullmatch(pattern, text):
            return re.sub(pattern, chinese, text)
    return text
