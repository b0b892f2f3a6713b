"""Does reading in order pay? Reviews and the order probe, against bags of words, and with the words shuffled (F1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from unrolled import catalogue, results, significance
from unrolled import drawing as figures
from unrolled.analyses import trained
from unrolled.analyses.bags import bag_of_words
from unrolled.analyses.base import AnalysisResult, Picture, Sentence, Table
from unrolled.batches import Batch
from unrolled.settings import Settings, SettingsError, nearest
from unrolled.tasks.base import EVALUATED_TOGETHER
from unrolled.tasks.one_answer import Labelled, OneAnswer

LITTLE = 0.02  # a cost of shuffling below which order hardly matters


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared.

    Attributes:
        reviews, probe: sections. network: the run that is held against the bag of words.
        folds: runs of the same network on other blocks of the snippets, recorded once: its cross-validation.
        others: further networks, recorded once at full scale, that are listed where they were.
        strengths: inverse strengths of regularisation of the logistic regressions, of which validation chooses.
        shuffles: how often the words of every test review are shuffled. resamples: of the bootstrap.
        first_seed: of the shuffles. shown: sentences of the probe that are shown.
    """

    reviews: str = "sentiment"
    probe: str = "order_probe"
    network: str = "lstm"
    folds: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    strengths: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)
    shuffles: int = 10
    resamples: int = 4000
    first_seed: int = 0
    shown: int = 8

    def __post_init__(self) -> None:
        """Refuse what leaves nothing to compare."""
        if not self.strengths or min(self.strengths) <= 0 or self.shuffles < 1 or self.resamples < 1:
            raise ValueError("strengths must be numbers above 0, and shuffles and resamples at least 1.")


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Fit the bags of words, and hold the trained networks against them."""
    task, learned_from_all = _reviews(options, settings)
    bags = {grams: bag_of_words(task, grams, options.strengths, refit=learned_from_all) for grams in (1, 2)}
    probe = trained.load(f"{options.probe}/{options.network}", settings, "analyses.sentiment.network", "order_probe")
    probed = {grams: bag_of_words(probe.task, grams, options.strengths, counts=True).mean() for grams in (1, 2, 3)}
    folds = [(answered(options, task), bags[1]), *(_on_fold(options, settings, run) for run in options.folds)]
    right, bag = (np.concatenate(parts, -1) for parts in zip(*folds, strict=True))
    difference = right - bag
    low, high = significance.items_against_limit(difference, 0.0, options.resamples).interval
    result = AnalysisResult(values={
        "bag_of_words": float(bags[1].mean()), "bag_of_bigrams": float(bags[2].mean()),
        "difference": difference.tolist(), "difference_low": low, "difference_high": high,
        "network_on_folds": right.mean(1).tolist(), "bag_of_words_on_folds": float(bag.mean()),
        **{f"probe_{grams}_grams": float(share) for grams, share in probed.items()}})
    section = trained.section_of(options.reviews, settings)
    result.recorded["difference"] = [f"{options.reviews}/{run}" for run in options.folds if run in section.elsewhere]
    records = {run: trained.record(f"{options.reviews}/{run}") for run in section.runs if run not in options.folds}
    accuracies, shuffled = {run: trained.scores_of(record, "accuracy") for run, record in records.items()}, {}
    for run in records:
        loaded = trained.load(f"{options.reviews}/{run}", settings, "analyses.sentiment.reviews", "sentiment")
        seeds = range(options.first_seed, options.first_seed + options.shuffles)
        shuffled[run] = np.mean([shuffled_accuracy(loaded, seed) for seed in seeds], axis=0)
        result.values[f"shuffled_{run}"] = shuffled[run].tolist()
    probes = {run: trained.scores_of(trained.record(f"{options.probe}/{run}"), "accuracy")
              for run in trained.section_of(options.probe, settings).runs}
    result.figures["reviews"] = _picture(accuracies, shuffled, result.values["bag_of_words"], probes, probed)
    others = trained.records(options.reviews, options.others, settings)
    result.tables |= {"reviews": _sizes(records | others, shuffled), "order_probe": _table(probe, options.shown)}
    result.sentences.append(_sentence(options, result, accuracies, shuffled, probes))
    return result


def _reviews(options: Options, settings: Settings) -> tuple[OneAnswer, bool]:
    """Return the network's task with its validation texts apart, and whether the network learned from these too."""
    run = trained.load(f"{options.reviews}/{options.network}", settings, "analyses.sentiment.network", "sentiment").run
    task = catalogue.make_task(run, trained.section_of(options.reviews, settings).reads, train_on_validation=False)
    return task, bool(run.options.get("train_on_validation"))


def _on_fold(options: Options, settings: Settings, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return whether a run on another block of the snippets, and a bag of words fitted for it, is right: (members, texts) and (texts,).

    Raises:
        SettingsError: there is no such run, or it has not as many seeds as the network, so that the two cannot be put side by side.
    """
    section = trained.section_of(options.reviews, settings)
    known = [*section.runs, *section.elsewhere]
    if name not in known:
        raise SettingsError(f"analyses.sentiment.folds: tasks.{options.reviews} has no run {name}{nearest(name, known)}")
    record = results.read_result(trained.record_path(options.reviews, name, settings))
    task = catalogue.make_task(section.runs[options.network], section.reads, train_on_validation=False, fold=record["settings"]["fold"])
    bag = bag_of_words(task, 1, options.strengths, refit=bool(record["settings"].get("train_on_validation")))
    right = _right(task, trained.items_of(options.reviews, name, settings)["right"])
    if len(right) != section.runs[options.network].seeds:
        raise SettingsError(f"analyses.sentiment.folds: {name} was recorded with {len(right)} seeds, but {options.network} has "
                            f"{section.runs[options.network].seeds}; they must be as many.")
    return right, bag


def answered(options: Options, task: OneAnswer) -> np.ndarray:
    """Return 1 where a seed of the network is right: (members, test texts), as the texts stand in the data."""
    return _right(task, results.read_arrays(results.items_file(options.reviews, options.network))["right"])


def _right(task: OneAnswer, counted: np.ndarray) -> np.ndarray:
    right = np.empty(counted.shape)
    right[:, task.item_order("test")] = counted
    return right


@torch.no_grad()
def shuffled_accuracy(loaded: trained.Loaded, first_seed: int) -> np.ndarray:
    """Return each member's accuracy on the test texts with their words in random order, the same order for all members: (members,)."""
    draw = np.random.default_rng(first_seed)
    texts = [([words[place] for place in draw.permutation(len(words))], label) for words, label in loaded.task.texts["test"]]
    return accuracy(loaded, texts)


def accuracy(loaded: trained.Loaded, texts: Sequence[Labelled]) -> np.ndarray:
    """Return each member's share of right answers to texts: (members,)."""
    data, right = loaded.task.encode(texts), []
    for start in range(0, len(texts), EVALUATED_TOGETHER):
        part = Batch(*(None if array is None else torch.from_numpy(array[None, start : start + EVALUATED_TOGETHER]) for array in data))
        right.append(loaded.model(part).argmax(-1) == part.targets)
    return torch.cat(right, 1).double().mean(1).numpy()


@figures.styled
def _picture(accuracies: dict, shuffled: dict, bag: float, probes: dict, probed: dict) -> Picture:
    """Draw accuracies on reviews, as they stand and shuffled, and on the probe."""
    figure, (left, right) = figures.panels(2, width=7.2, height=0.9 + 0.42 * max(2 * len(accuracies), len(probes) + len(probed)))
    rows = {name: values for run in accuracies for name, values in ((run, accuracies[run]), (f"{run}, shuffled", shuffled[run]))}
    figures.dots(left, rows, [figures.colour(place) for place in range(len(accuracies)) for _ in range(2)])
    left.axvline(bag, color=figures.GREY, linestyle="--", linewidth=1)
    left.set(xlabel="accuracy", title="Reviews (dashed: bag of words)")
    figures.dots(right, probes | {f"{grams}-grams, counted": np.array([share]) for grams, share in probed.items()})
    right.set(xlabel="accuracy", title="Order probe", xlim=(0.4, 1.03))
    return Picture(figure, ["F1"], "Reviews hardly need order, the probe does.", "影评几乎不需要词序，词序探针则需要。",
                   "One dot per seed. Left: test reviews as they stand and with their words shuffled. Right: pairs of sentences of the "
                   "same words in another order; pairs of nouns held out.",
                   "每点一个种子。左：测试影评，原样与打乱词序。右：词相同而次序不同的句对，名词组合从未见过。")


def _sizes(records: dict, shuffled: dict) -> Table:
    """List every run: accuracy, accuracy on shuffled words and what shuffling costs (where there are weights), and parameters."""
    rows = []
    for run, record in records.items():
        accuracies = trained.scores_of(record, "accuracy")
        mixed = [_shown(values) for values in (shuffled[run], accuracies - shuffled[run])] if run in shuffled else ["–", "–"]
        rows.append([run, _shown(accuracies), *mixed, str(record["parameters"])])
    return Table(["F1"], "Reviews, accuracy in per cent; –: recorded once at full scale, without weights.",
                 "影评判断的准确率（%）；“–”表示只在 full 规模下训练过一次，权重未保存。",
                 ("run", "accuracy", "words shuffled", "cost", "parameters"),
                 ("运行", "准确率", "打乱词序后", "下降", "参数量"), rows, rows)


def _shown(values: np.ndarray) -> str:
    """Return mean and standard deviation of shares, in per cent."""
    return f"{round(100 * values.mean(), 1) + 0.0:.1f} ± {100 * values.std(ddof=1) if len(values) > 1 else 0:.1f}"


def _table(probe: trained.Loaded, shown: int) -> Table:
    """Show sentences about the lecture's own pair, and how many seeds answer that the good side wins."""
    texts = probe.task.texts["test"][:shown]
    data = probe.task.encode(texts)
    with torch.no_grad():
        batch = Batch(*(None if array is None else torch.from_numpy(array[None]) for array in data))
        answers = probe.model(batch).argmax(-1)  # (members, texts)
    rows = [[" ".join(words), "good" if label else "bad", f"{int(answers[:, place].sum())}/{len(answers)}"]
            for place, (words, label) in enumerate(texts)]
    chinese = [[text, {"good": "好的一方", "bad": "坏的一方"}[winner], count] for text, winner, count in rows]
    return Table(["F1"], "The lecture's pair, which training never shows.", "课程中的那一对，训练中从未出现。",
                 ("sentence", "who wins", "seeds that say good"), ("句子", "谁赢", "认为好的一方赢的种子数"), rows, chinese)


def _sentence(options: Options, result: AnalysisResult, accuracies: dict, shuffled: dict, probes: dict) -> Sentence:
    """Say what order is worth on either set."""
    plain, mixed = accuracies[options.network].mean(), shuffled[options.network].mean()
    values = result.values
    found, *grams = probes[options.network].mean(), *(values[f"probe_{size}_grams"] for size in (1, 2, 3))
    low, high = (100 * values[f"difference_{end}"] for end in ("low", "high"))
    blocks, blocks_zh = "", ""
    if options.folds:
        means = np.mean(values["network_on_folds"]), values["bag_of_words_on_folds"]
        blocks = "; with {} tenths of the snippets as the test in turn {:.1%} and {:.1%}".format(len(options.folds) + 1, *means)
        blocks_zh = "；十份语料中的 {} 份轮流作测试集时，分别为 {:.1%} 与 {:.1%}".format(len(options.folds) + 1, *means)
    little = plain - mixed < LITTLE
    text = (f"On reviews the {options.network} has {plain:.1%} right, a bag of words {values['bag_of_words']:.1%}{blocks} (difference, "
            f"resampling seeds and reviews: {low:+.1f} to {high:+.1f} points); shuffling the words of the test reviews costs "
            f"{100 * (plain - mixed):.1f} points: {'this corpus hardly needs order' if little else 'part of the answers needs order'}. "
            f"On the probe it has {found:.1%} right, single words {grams[0]:.1%}, pairs of words {grams[1]:.1%}, triples "
            f"{grams[2]:.1%}: it asks for a few words in a row, not for a long memory.")
    chinese = (f"影评上 {options.network} 的准确率为 {plain:.1%}，词袋为 {values['bag_of_words']:.1%}{blocks_zh}（对种子与影评重抽样，"
               f"差在 {low:+.1f} 到 {high:+.1f} 个百分点之间）；打乱测试影评的词序使准确率下降 {100 * (plain - mixed):.1f} 个百分点："
               f"{'这个语料几乎不需要词序' if little else '有一部分答案确实要看词序'}。"
               f"词序探针上为 {found:.1%}；只用单个词的词袋为 {grams[0]:.1%}，用相邻两词的为 {grams[1]:.1%}，"
               f"用相邻三词的为 {grams[2]:.1%}：它要求的是相邻几个词，而不是长时记忆。")
    return Sentence(["F1"], text, chinese)
