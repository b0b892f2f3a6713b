"""Documents as vectors: what tells one order of clauses from another, what is written again, flat and clause by clause (F6, F7)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled import drawing as figures
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture, Sentence, Table, compare
from unrolled.analyses.document_probes import bags, probe, vectors
from unrolled.batches import Batch
from unrolled.settings import Settings

LECTURE = "Mary was hungry. She didn't find any food."
ASKED = {"order": "order of clauses", "first_word": "first word", "last_word": "last word"}


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared.

    Attributes:
        section: of params.yaml.
        flat, hierarchical: runs on short documents, the first of which is probed. long_flat, long_hierarchical, long_matched: runs on long
            ones, flat, by clause at equal width, and by clause with as many parameters as the flat one; what was recorded at another
            scale has scores, but no model to look into. forwards: flat and by clause at equal width, on long documents not turned round.
        more_seeds: by run, the one that was recorded once at full scale and that claims are judged by; its scores are shown instead.
        learned: documents that a probe learns from. strengths: inverse strengths of its regularisation, of which validation chooses.
        shown: documents of the table, of each length.
    """

    section: str = "documents"
    flat: str = "flat"
    hierarchical: str = "hierarchical"
    long_flat: str = "flat_4"
    long_hierarchical: str = "hierarchical_4"
    long_matched: str = "hierarchical_4_matched"
    forwards: tuple[str, ...] = ("flat_4_forwards", "hierarchical_4_forwards")
    more_seeds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    learned: int = 1500
    strengths: tuple[float, ...] = (0.01, 0.1, 1.0)
    shown: int = 2

    def __post_init__(self) -> None:
        if not self.strengths or min(self.strengths) <= 0 or self.learned < 1:
            raise ValueError("strengths must be numbers above 0, one at least, and learned at least 1.")


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Compare vectors of swapped documents, probe them, and show what is written."""
    runs = (options.flat, options.hierarchical, options.long_flat, options.long_hierarchical, options.long_matched)
    section = trained.section_of(options.section, settings)
    known = [run for run in (*runs, *options.forwards) if run in section.runs or run in section.elsewhere]
    records = trained.judged_records(options.section, known, options.more_seeds, settings)
    loaded = {run: trained.load(f"{options.section}/{run}", settings, "analyses.documents", "documents")
              for run in runs if run not in section.elsewhere}
    result = AnalysisResult()
    for run, found in loaded.items():
        result.values |= cosines(found, run)
    result.add(bag_of_words(loaded[options.flat]))
    result.values |= {f"probe_{name}": values for name, values in probe(loaded[options.flat], options.learned, options.strengths).items()}
    result.figures["documents_exact"] = _exact(options, records)
    result.figures["documents_vectors"] = _vectors(result.values, loaded)
    result.tables["documents"] = _table(loaded, options)
    result.sentences += [_on_order(result.values, records, options.flat), _on_length(records, options)]
    return result


def cosines(loaded: trained.Loaded, name: str) -> dict[str, list[float]]:
    """Return each member's mean cosine of a test document and its swapped one, the same by document, and with the next document."""
    documents = loaded.task.documents("test")
    plain, swapped = (vectors(loaded.model, loaded.task, group) for group in (documents, documents.flip(1)))
    apart = cosine(plain, swapped)  # (members, documents)
    return {f"cosine_swapped_{name}": apart.mean(-1).tolist(), f"cosine_swapped_{name}_by_document": apart.tolist(),
            f"cosine_unrelated_{name}": cosine(plain, np.roll(plain, 1, axis=-2)).mean(-1).tolist()}


def cosine(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the cosine between vectors along the last axis."""
    return (some * others).sum(-1) / (np.linalg.norm(some, axis=-1) * np.linalg.norm(others, axis=-1))


def bag_of_words(loaded: trained.Loaded) -> AnalysisResult:
    """Compare bags of words of the same documents: those of a document and its swapped one are one and the same."""
    documents = loaded.task.documents("test")
    plain, swapped = (bags(loaded.task, group) for group in (documents, documents.flip(1)))
    return AnalysisResult(
        [compare("F6", "test documents whose bag of words is that of the swapped one", len(plain), int((plain == swapped).all(1).sum()))],
        values={"cosine_swapped_bag": float(cosine(plain, swapped).mean()),
                "cosine_unrelated_bag": float(cosine(plain, np.roll(plain, 1, axis=0)).mean())})


def _label(options: Options, run: str, record: Mapping[str, Any]) -> str:
    """Name a run by its documents, its model and its number of parameters."""
    length = "short" if run in (options.flat, options.hierarchical) else "long"
    model = "flat" if run in (options.flat, options.long_flat, options.forwards[0]) else "by clause"
    return f"{length}, {model}{', forwards' if run in options.forwards else ''} ({record['parameters'] // 1000}k)"


@figures.styled
def _exact(options: Options, records: Mapping[str, Any]) -> Picture:
    """Draw the share of exact documents and of right symbols, a row per run."""
    figure, panels = figures.panels(2, width=7.2, height=1.1 + 0.3 * len(records), sharey=True)
    for axes, metric, words in zip(panels, ("exact", "token_accuracy"), ("documents written exactly", "symbols right"), strict=True):
        figures.dots(axes, {_label(options, run, record): trained.scores_of(record, metric) for run, record in records.items()})
        axes.set(xlabel=f"share of {words}", xlim=(-0.03, 1.03))
    more, more_zh = trained.on_more_seeds(records)
    return Picture(figure, ["F7"], "Flat and by clause, documents of two and of four clauses.",
                   "两个与四个子句的文档：不分层与按子句分层。",
                   "One dot per seed; documents of clauses never learned from. Short ones have two clauses, long ones four. Documents are "
                   "read backwards, unless a row says forwards. In brackets the number of parameters, in thousands (k)."
                   f"{more}",
                   "每点一个种子；测试文档的子句均未在训练中出现。“短”为两个子句，“长”为四个子句；除标明“正向”者外，文档都反向读入。"
                   f"括号内为参数量（k 表示千）。{more_zh}")


@figures.styled
def _vectors(values: Mapping[str, Any], loaded: Mapping[str, trained.Loaded]) -> Picture:
    """Draw cosines by run, and what a probe reads off."""
    figure, (left, right) = figures.panels(2, width=7.2, height=3.4)
    groups = {f"{run.replace('_', ' ')}, {kind}": np.array(values[f"cosine_{kind}_{run}"])
              for run in loaded for kind in ("swapped", "unrelated")}
    groups |= {f"bag of words, {kind}": np.atleast_1d(values[f"cosine_{kind}_bag"]) for kind in ("swapped", "unrelated")}
    figures.dots(left, groups, [figures.BLUE, figures.ORANGE] * (len(groups) // 2))
    left.set(xlabel="cosine of two documents' vectors", xlim=(-0.03, 1.03))
    groups = {f"{words}, {name}": np.array(values[f"probe_{question}_{name}"])
              for question, words in ASKED.items() for name in ("trained", "untrained", "bag")}
    figures.dots(right, groups, [figures.BLUE, figures.GREEN, figures.GREY] * len(ASKED))
    right.set(xlabel="linear probe: share right", xlim=(-0.03, 1.03))
    return Picture(figure, ["F6"], "What a vector knows of the order.", "向量对次序知道多少。",
                   "Left: swapped documents have the same clauses in another order. Right: what a linear probe reads off the vectors of "
                   "trained and untrained encoders and off a bag of words: whether the clause that stands first comes first in the "
                   "alphabet, too (order of clauses), and with which word the document begins (first word) and ends (last word); clauses "
                   "of the test documents were never learned from.",
                   "左：互换后的文档由相同的子句组成，但次序不同。右：线性探针从训练后与未训练的编码器向量以及词袋中能读出什么："
                   "排在前面的子句按字母顺序是否也在前（子句次序），文档以哪个词开头（首词）、以哪个词结尾（末词）；"
                   "测试文档的子句均未在训练中出现。")


@torch.no_grad()
def written(loaded: trained.Loaded, batch: Batch) -> list[str]:
    """Return what the first member writes of each document of a batch; a tick stands before what is exact."""
    rows, rights = loaded.model(batch).argmax(-1)[0].tolist(), batch.targets[0].tolist()
    answers = [loaded.task.read_answer(row) for row in rows]
    right = [answer == [symbol for symbol in wanted if symbol >= 0] for answer, wanted in zip(answers, rights, strict=True)]
    return [("✓ " if exact else "✗ ") + loaded.task.text(answer) for answer, exact in zip(answers, right, strict=True)]


def _table(loaded: Mapping[str, trained.Loaded], options: Options) -> Table:
    """Show test documents, their swapped ones and the lecture's own, as the first seed of each model writes them."""
    rows, rows_zh = [], []
    for flat, hierarchical in ((options.flat, options.hierarchical), (options.long_flat, options.long_hierarchical)):
        if flat not in loaded or hierarchical not in loaded:
            continue
        task = loaded[flat].task
        documents = task.documents("test")[: options.shown]
        kinds = [("test", "测试", documents), ("swapped", "互换", documents.flip(1))]
        if task.clauses == 2:
            kinds.append(("the lecture's own", "课程的例子", task.clauses_from(LECTURE)))
        for kind, kind_zh, group in kinds:
            cells = list(zip(_texts(task, group), *(written(loaded[run], loaded[run].task.lay_out(group)) for run in (flat, hierarchical)),
                             strict=True))
            rows += [[kind, *row] for row in cells]
            rows_zh += [[kind_zh, *row] for row in cells]
    return Table(["F6", "F7"], "Documents and what is written of them (first seed).", "文档及其还原结果（第一个种子）。",
                 ("document", "read", "flat", "by clause"), ("文档", "输入", "不分层", "按子句分层"), rows, rows_zh)


def _texts(task: Any, documents: Tensor) -> list[str]:
    return [task.text([symbol for symbol in row if symbol >= 0]) for row in task.lay_out(documents).targets[0].tolist()]


def _on_order(values: Mapping[str, Any], records: Mapping[str, Any], flat: str) -> Sentence:
    """Say how far apart swapped documents lie, and what of the order can be read off."""
    swapped, unrelated = (np.mean(values[f"cosine_{kind}_{flat}"]) for kind in ("swapped", "unrelated"))
    both = trained.scores_of(records[flat], "exact_swapped").mean()
    shares = [np.mean(values[f"probe_order_{name}"]) for name in ("trained", "untrained", "bag")]
    text = (f"The vectors of a document and of its swapped one have a cosine of {swapped:.2f}, those of unrelated documents "
            f"{unrelated:.2f}; as bags of words the two are the same (cosine 1). Both orders are written exactly in {both:.1%}. Which of "
            f"two clauses comes first, a linear probe tells from the vector in {shares[0]:.1%}, from that of an untrained encoder in "
            f"{shares[1]:.1%}, from the bag of words in {shares[2]:.1%}.")
    chinese = (f"文档与其子句互换版的向量余弦为 {swapped:.2f}，无关文档之间为 {unrelated:.2f}；作为词袋两者完全相同（余弦为 1）。"
               f"两种次序都能一字不差还原的占 {both:.1%}。两个子句孰先孰后，线性探针凭向量能答对 {shares[0]:.1%}，"
               f"凭未训练编码器的向量为 {shares[1]:.1%}，凭词袋为 {shares[2]:.1%}。")
    return Sentence(["F6"], text, chinese)


def _on_length(records: Mapping[str, Any], options: Options) -> Sentence:
    """Say what each model writes of short and of long documents."""
    names = {options.flat: ("two clauses, flat", "两个子句、不分层"),
             options.hierarchical: ("two clauses, by clause", "两个子句、按子句分层"),
             options.long_flat: ("four clauses, flat", "四个子句、不分层"),
             options.long_hierarchical: ("four clauses, by clause at equal width", "四个子句、隐层同宽时分层"),
             options.long_matched: ("four clauses, by clause at equal parameters", "四个子句、参数量相等时分层"),
             options.forwards[0]: ("four clauses read forwards, flat", "四个子句正向读入、不分层"),
             options.forwards[1]: ("four clauses read forwards, by clause", "四个子句正向读入、分层")}
    exact, bleu = ({run: trained.scores_of(record, metric).mean() for run, record in records.items()} for metric in ("exact", "bleu"))
    text = "; ".join(f"{names[run][0]}: {exact[run]:.1%} (BLEU {bleu[run]:.2f})" for run in records)
    chinese = "；".join(f"{names[run][1]}：{exact[run]:.1%}（BLEU {bleu[run]:.2f}）" for run in records)
    return Sentence(["F7"], f"Test documents written exactly: {text}. All learn from documents drawn without end; documents of one length "
                    "have the same number of updates.",
                    f"一字不差还原的测试文档：{chinese}。训练文档不断随机组合生成，同样长度的文档更新次数相同。")
