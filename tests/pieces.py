"""A page with nothing in it but one interactive piece, as small as can be, for tests of the pieces' scripts."""

from __future__ import annotations

import html
import json
from pathlib import Path

from unrolled.analyses.base import Piece
from unrolled.reporting import page

SCRIPTS = page.TEMPLATES / "pieces"
NAME = "piece-test-piece"  # of the element the piece is drawn in; its data stands in <NAME>-data
STYLE = """:root { color-scheme: light dark; --text: #1b1b1b; --page: #fdfdfb; --line: #d5d5d0; --soft: #f1f1ec; --link: #0060a0; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e3; --page: #16181a; --line: #3b3f43; --soft: #22262a; --link: #7cc0f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 16px/1.55 system-ui, "Noto Sans CJK SC", sans-serif; color: var(--text);
  background: var(--page); }
figure { margin: 0; } figure svg { width: 100%; height: auto; max-height: 32rem; background: #fff; border-radius: .4rem; padding: .3rem; }
figcaption { font-size: .9rem; }
html[data-language="en"] [lang="zh"], html[data-language="zh"] body [lang="en"] { display: none; }
button, select { font: inherit; padding: .3rem .9rem; border-radius: .4rem; border: 1px solid var(--line); background: var(--soft);
  color: inherit; float: right; }"""
LANGUAGE = """function speak(language) {
  document.documentElement.dataset.language = document.documentElement.lang = language;
  document.dispatchEvent(new Event("languagechange"));
}"""


def page_of(piece: Piece, folder: Path, language: str = "en", plotly: bool = False) -> str:
    """Write a page that holds one piece, and return its address.

    Args:
        piece: whose script stands in the report's templates.
        folder: where the page is written; sounds that the piece plays are looked for in it.
        language: the page starts in; `speak("zh")`, a function of the page, changes it as the report's button does.
        plotly: whether its script is put beside the page, as it is beside the report.
    """
    scripts = [(SCRIPTS / f"{kind}.js").read_text(encoding="utf-8") for kind in (*page.SHARED_SCRIPTS, piece.kind)]
    if plotly:
        (folder / "plotly.min.js").write_text(page.plotting_library(), encoding="utf-8")
    words = [f'<span lang="{lang}">{html.escape(text)}</span>' for lang, text in (
        ("en", f"{piece.title} {piece.caption}"), ("zh", f"{piece.title_zh} {piece.caption_zh}"))]
    data = json.dumps(piece.data, ensure_ascii=False, allow_nan=False).replace("</", "<\\/")
    path = folder / "piece.html"
    path.write_text(f"""<!DOCTYPE html>
<html lang="{language}" data-language="{language}"><head><meta charset="utf-8"><title>One piece</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"><style>{STYLE}</style></head><body>
<figure class="piece"><div id="{NAME}" data-kind="{piece.kind}"></div>
<script type="application/json" id="{NAME}-data">{data}</script><figcaption>{"".join(words)}</figcaption></figure>
{'<script src="plotly.min.js"></script>' if plotly else ""}
{"".join(f"<script>{script}</script>" for script in scripts)}
<script>{LANGUAGE}</script></body></html>""", encoding="utf-8")
    return path.as_uri()
