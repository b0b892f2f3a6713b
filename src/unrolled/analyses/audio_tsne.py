"""The map of spoken words: likeness against nearness, analogies, and t-SNE (van der Maaten & Hinton 2008) to be listened to (F11)."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unrolled import drawing as figures
from unrolled import retrieval, searching
from unrolled.analyses import audio_geometry, page_sounds, recorded_vectors, sound_list_piece, trained
from unrolled.analyses.base import AnalysisResult, Interactive, Picture, Sentence, Table, played
from unrolled.data import spoken
from unrolled.data.english_words import RHYMES
from unrolled.data.spoken import Spoken
from unrolled.settings import Settings

SHOWN_FAMILIES = ("ear", "ame", "ight", "ine", "ell", "un", "an")
OTHERS = "others"
NAMED_OTHERS = "others 其他"  # plotly's legend has one text for both languages
LETTER, LINE = 5.2, 10.0  # of the words in the map, in points
HOVER = "%{text}<extra></extra>"
SHAPES = ("circle", "square", "diamond")
PAPER, INK = "#ffffff", "#1b1b1b"  # white in the dark too: the markers' colours are made for it
AXIS = {"showticklabels": False, "zeroline": False, "gridcolor": "#e5e5e5"}
LAYOUT = {"xaxis": AXIS, "yaxis": AXIS, "hovermode": "closest", "margin": {"l": 10, "r": 10, "t": 10, "b": 10}, "paper_bgcolor": PAPER,
          "plot_bgcolor": PAPER, "font": {"color": INK}, "hoverlabel": {"font": {"size": 15}},
          "legend": {"title": {"text": "rhyme 韵脚", "side": "top"}, "orientation": "h", "y": -0.02}}  # beneath, for telephones


@dataclasses.dataclass(frozen=True)
class Options:
    """What is mapped.

    Attributes:
        encoder: run whose vectors are looked at. further: the same on further seeds, recorded once, which are measured too; empty for none.
        voices: so many of the voices that are asked about are drawn, with their sound.
        perplexity, first_seed: of t-SNE.
    """

    encoder: str = "audio_words/autoencoder"
    further: str = ""
    voices: int = 4
    perplexity: float = 15.0
    first_seed: int = 0

    def __post_init__(self) -> None:
        if self.voices < 1:
            raise ValueError("voices must be at least 1: their sounds are what is drawn.")
        if self.perplexity <= 0:
            raise ValueError(f"perplexity must be above 0, but is {self.perplexity:g}.")


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Measure the vectors of the test words of every member, and draw those of the first."""
    loaded = trained.load(options.encoder, settings, "analyses.audio_tsne.encoder", "audio_words", pairs="none")
    folder = loaded.task.folder
    found, phonemes = spoken.load(folder, "test"), spoken.phonemes(folder)
    asking = spoken.voices(folder)["test"]
    frames = loaded.task.prepare(found.features, found.voices)
    members = [*searching.encode(loaded.model, frames), *further_vectors(options, loaded, settings, len(frames))]
    spaces = {"autoencoder": members, "naive": [retrieval.naive_vectors(frames)]}
    spaces = {name: [retrieval.without_voice_means(vectors, found.voices) for vectors in members] for name, members in spaces.items()}
    result = AnalysisResult()
    if any(phonemes.values()):
        result.add(measured(spaces, found, phonemes, asking))
    if options.further:
        result.recorded = {value: [options.further] for value in result.values if "autoencoder" in value or "over" in value}
    drawn = [place for place, voice in enumerate(found.voices) if voice in asking["archive"][: options.voices]]
    points = project(spaces["autoencoder"][0][drawn], options)
    chosen = Spoken(*([part[place] for place in drawn] for part in found))
    names, is_recorded = sound_names(chosen), settings.data.source == "official"
    result.interactive["audio_tsne"] = picture_to_touch(points, chosen, names, phonemes, is_recorded)
    result.figures["audio_tsne"] = _map(points, chosen)
    result.pieces["sound_list"] = sound_list_piece.piece(chosen, [played("audio_tsne", name) for name in names], phonemes,
                                                         {word: rhymes().get(word, OTHERS) for word in found.texts}, is_recorded)
    rate, sounds = spoken.audio(folder, "test")
    result.sounds = {name: page_sounds.for_page(sounds[place], rate) for name, place in zip(names, drawn, strict=True)}
    return result


def further_vectors(options: Options, loaded: trained.Loaded, settings: Settings, pieces: int) -> list[np.ndarray]:
    """Return the vectors of the test words by further seeds, where there are any: (pieces, size) of each.

    Raises:
        SettingsError: there is no run of that name. ResultsError: it was not recorded, or of other words.
    """
    if not options.further:
        return []
    trained.recorded(options.further, settings, "analyses.audio_tsne.further")
    return [vectors[:pieces] for vectors in recorded_vectors.of_test_words(options.further, loaded.task, settings)]


def measured(spaces: Mapping[str, Sequence[np.ndarray]], found: Spoken, phonemes: Mapping[str, Sequence[str]],
             asking: Mapping[str, Sequence[str]]) -> AnalysisResult:
    """Measure nearness against likeness, and solve analogies where these words make any, in every space."""
    families = [words for family, words in RHYMES.items() if family != OTHERS]
    quadruples = audio_geometry.analogies({word: phonemes[word] for word in set(found.texts)}, families)
    curves: dict[str, np.ndarray] = {}
    result = AnalysisResult(values={"analogies": float(len(quadruples))})
    for name, members in spaces.items():
        near = [audio_geometry.cosines_by_distance(vectors, found.texts, found.voices, phonemes) for vectors in members]
        curves[name] = np.stack([means for means, _ in near])
        result.values[f"correlation_{name}"] = [by_word.tolist() for _, by_word in near]
    if quadruples:
        _add_analogies(result, spaces, found, asking, quadruples)
    result.figures["audio_distance"] = _curve(curves)
    result.sentences.append(_sentence(result.values, curves["autoencoder"].mean(0)))
    return result


def _add_analogies(result: AnalysisResult, spaces: Mapping[str, Sequence[np.ndarray]], found: Spoken, asking: Mapping[str, Sequence[str]],
                   quadruples: Sequence[tuple[str, str, str, str]]) -> None:
    """Put in how many analogies each space solves, with and without the offset."""
    rows, right, values = [], {}, result.values
    for name, members in spaces.items():
        for with_offset, ending in ((True, "top_1"), (False, "control")):
            solved = np.stack([_solve(vectors, found, asking, quadruples, with_offset) for vectors in members])  # (members, analogies)
            right[name, ending] = audio_geometry.by_answer(solved, quadruples)
            values[f"analogy_{ending}_{name}"] = right[name, ending].tolist()
            values[f"share_{ending}_{name}"] = solved.mean(1).tolist()
            rows.append((name, "fear - near + name" if with_offset else "name", f"{solved.mean():.3f}"))
    values["analogy_gain_autoencoder"] = (right["autoencoder", "top_1"] - right["autoencoder", "control"]).tolist()
    values["analogy_over_naive"] = (right["autoencoder", "top_1"] - right["naive", "top_1"]).tolist()
    result.tables["analogies"] = Table(["F11"], "Analogies solved.", "类比题准确率。", ("vectors", "nearest to", "share right"),
                                       ("向量", "取最接近者", "准确率"), rows, rows)


def _solve(vectors: np.ndarray, found: Spoken, asking: Mapping[str, Sequence[str]], quadruples: Sequence[tuple[str, str, str, str]],
           with_offset: bool) -> np.ndarray:
    """Solve analogies between word means of the voices that ask and of those that are asked."""
    halves = []
    for half in ("query", "archive"):
        places = [place for place, voice in enumerate(found.voices) if voice in asking[half]]
        halves.append(audio_geometry.word_means(vectors[places], [found.texts[place] for place in places]))
    return audio_geometry.solved(halves[0], halves[1], quadruples, with_offset)


def project(vectors: np.ndarray, options: Options) -> np.ndarray:
    """Return a place in the plane for each vector, by the cosines between them: (pieces, 2)."""
    from sklearn.manifold import TSNE  # here: a second's import that few stages need

    units = retrieval.normalised(vectors)
    perplexity = min(options.perplexity, (len(units) - 1) / 3)
    return TSNE(2, perplexity=perplexity, init="pca", random_state=options.first_seed, n_jobs=1).fit_transform(units.astype(np.float64))


def sound_names(chosen: Spoken) -> list[str]:
    """Return the name of each piece's sound; one voice may have said a word several times."""
    names: list[str] = []
    said: Counter[str] = Counter()
    for word, voice in zip(chosen.texts, chosen.voices, strict=True):
        name = f"{word}-{voice.split('+')[-1]}"
        said[name] += 1
        names.append(name if said[name] == 1 else f"{name}-{said[name]}")
    return names


def rhymes() -> dict[str, str]:
    """Return the family of each word."""
    return {word: family for family, words in RHYMES.items() for word in words}


def picture_to_touch(points: np.ndarray, chosen: Spoken, names: Sequence[str], phonemes: Mapping[str, Sequence[str]],
                     is_recorded: bool = False) -> Interactive:
    """Return the map as a plot whose points say what they are, and sound when clicked.

    Args:
        points: (pieces, 2). chosen: the pieces. names: of their sounds. phonemes: of each word.
        is_recorded: people said them, and others said the same words in training; else they are synthetic and unseen.
    """
    families, traces = rhymes(), []
    of_what, of_what_zh = ("recordings of people never learned from", "真人录音，说话人未在训练中出现") if is_recorded else (
        "synthetic voices and words never learned from", "合成语音，词与嗓音均未在训练中出现")
    for number, family in enumerate(RHYMES):
        places = [place for place, word in enumerate(chosen.texts) if families.get(word, OTHERS) == family]
        if not places:
            continue
        texts = [f"{chosen.texts[place]} /{''.join(phonemes.get(chosen.texts[place], []))}/, {chosen.voices[place].split('+')[-1]}"
                 for place in places]
        colour, shape = figures.colour(number), SHAPES[number // len(figures.COLOURS) % len(SHAPES)]
        traces.append({
            "type": "scatter", "mode": "markers", "name": NAMED_OTHERS if family == OTHERS else f"-{family}",
            "x": points[places, 0].round(2).tolist(), "y": points[places, 1].round(2).tolist(), "text": texts, "hovertemplate": HOVER,
            "customdata": [played("audio_tsne", names[place]) for place in places],
            "marker": {"size": 10, "line": {"width": 0.5, "color": PAPER}, "color": colour, "opacity": 0.85, "symbol": shape}})
    return Interactive({"data": traces, "layout": LAYOUT}, ["F11"],
                       "The map of spoken words: click a point to hear it.", "语音单词地图：点击一个点即可听到它。",
                       f"t-SNE of the vectors of the first seed, coloured by rhyme; {of_what}. A point "
                       "tells its word, its phonemes and the voice; the same sounds are listed with buttons for use without a mouse.",
                       f"第一个种子的向量经 t-SNE 投影，按韵脚着色；{of_what_zh}。"
                       "指向某点可看到单词、音素与嗓音；不用鼠标也可在单词列表中逐个播放。")


@figures.styled
def _map(points: np.ndarray, chosen: Spoken) -> Picture:
    """Draw the map with the names of some families."""
    figure, axes = figures.panels(width=7.2, height=5.0)
    families = rhymes()
    axes.plot(points[:, 0], points[:, 1], ".", color="#c8c8c8", markersize=5)
    colours = {family: figures.colour(place) for place, family in enumerate(SHOWN_FAMILIES)}
    words = sorted({word for word in chosen.texts if families.get(word) in colours})
    of_words = [points[np.array(chosen.texts) == word] for word in words]
    for word, of_word in zip(words, of_words, strict=True):
        axes.plot(*of_word.T, ".", color=colours[families[word]], markersize=5)
    letter, line = np.ptp(points, 0) * (LETTER / 450, LINE / 310)  # a letter and a line, in points, of the axes' width and height
    centres = np.array([np.median(of_word, 0) for of_word in of_words]).reshape(-1, 2) + np.array([0, line / 2])
    for word, place in zip(words, figures.apart(centres, words, letter, line), strict=True):
        if place is not None:
            axes.text(*place, word, color=colours[families[word]], fontsize=8, ha="center", va="center")
    axes.set(xticks=[], yticks=[])
    return Picture(figure, ["F11"], "Spoken words that sound alike lie together.", "读音相近的语音单词聚在一起。",
                   "t-SNE of the vectors of the first seed; some families of rhymes are coloured, each word named once, amid its voices "
                   "or close by, unless another's name stands there.",
                   "第一个种子的向量经 t-SNE 投影；部分同韵词着色，每个词在各嗓音的中位处或近旁标注一次；与别的词名重叠时不标。")


@figures.styled
def _curve(curves: Mapping[str, np.ndarray]) -> Picture:
    """Draw the mean cosine by the number of phonemes that differ."""
    figure, axes = figures.panels(width=5.0, height=3.0)
    steps = np.arange(audio_geometry.FARTHEST + 1)
    for colour, (name, members) in zip((figures.BLUE, figures.ORANGE), curves.items(), strict=False):
        present = ~np.isnan(members).any(0)
        figures.band(axes, steps[present], members[:, present], colour, name, marker="o", markersize=4)
    axes.set(xlabel=f"phonemes that differ ({audio_geometry.FARTHEST}: so many or more)", ylabel="mean cosine across voices")
    axes.axhline(0, color=figures.GREY, linewidth=0.8)
    axes.legend()
    return Picture(figure, ["F11"], "The more phonemes differ, the farther the vectors.", "不同的音素越多，向量离得越远。",
                   "Pairs of test words said by different voices; the shade is the range over training seeds.",
                   "由不同嗓音说出的测试词两两比较；阴影为各训练种子的范围。")


def _sentence(values: Mapping[str, Any], means: np.ndarray) -> Sentence:
    """Say how near like words lie, and how often an analogy is solved."""
    correlation = np.mean(values["correlation_autoencoder"])
    known = [(steps, mean) for steps, mean in enumerate(means[:3]) if not np.isnan(mean)]
    apart, apart_zh = ("the same word", "one phoneme apart", "two apart"), ("同一个词", "相差一个音素", "相差两个")
    text = ("Mean cosine of words from two voices: " + ", ".join(f"{apart[steps]} {mean:.2f}" for steps, mean in known)
            + f" (rank correlation {correlation:.2f}).")
    chinese = ("两个嗓音所说的词，平均余弦：" + "，".join(f"{apart_zh[steps]}为 {mean:.2f}" for steps, mean in known)
               + f"（等级相关 {correlation:.2f}）。")
    if values["analogies"]:
        shares = ("share_top_1_autoencoder", "share_control_autoencoder", "share_top_1_naive")
        top, control, naive = (np.mean(values[name]) for name in shares)
        text += (f" Of {values['analogies']:.0f} analogies such as near : fear = name : fame {top:.1%} are solved, {control:.1%} without "
                 f"the offset; ten frames as a vector, which learned nothing, solve {naive:.1%}.")
        chinese += (f"{values['analogies']:.0f} 道类比题（如 near : fear = name : fame）答对 {top:.1%}，"
                    f"不加偏移时 {control:.1%}；不经任何学习、由十帧拼成的向量也能答对 {naive:.1%}。")
    return Sentence(["F11"], text, chinese)
