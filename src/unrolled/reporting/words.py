"""Signs and Chinese names of the verdicts."""

SYMBOLS = {"reproduced": "✓", "contradicted": "✗", "conditional": "◐", "inconclusive": "?", "pending": "…"}
VERDICTS_ZH = {"reproduced": "已复现", "contradicted": "不成立", "conditional": "有条件成立", "inconclusive": "无法判定", "pending": "待做"}
