"""What every analysis shares: its options, its checks and pictures, and how they are written."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_origin, get_type_hints

import numpy as np
from matplotlib.figure import Figure

from unrolled import drawing as figures
from unrolled import results
from unrolled.settings import SettingsError, checked_value, nearest

SIGNED = {"signed": True}  # metadata of an option that may lie below 0
Options = TypeVar("Options")


@dataclasses.dataclass(frozen=True)
class Check:
    """Something that was computed, beside what it should be; `passed` follows from the two and the tolerance.

    Attributes:
        run: the trained run that was asked, as section/run, if any.
    """

    claim: str
    name: str
    expected: Any
    observed: Any
    tolerance: float
    passed: bool
    run: str = ""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure, the claims it bears on, and its words in both languages (the figure itself speaks English)."""

    figure: Figure
    claim: Sequence[str]
    title: str
    title_zh: str
    caption: str
    caption_zh: str


@dataclasses.dataclass(frozen=True)
class Interactive:
    """A picture to be turned and touched, as a plotly specification ("data" and "layout") that JSON can hold, and its words."""

    specification: Mapping[str, Any]
    claim: Sequence[str]
    title: str
    title_zh: str
    caption: str
    caption_zh: str


@dataclasses.dataclass(frozen=True)
class Piece:
    """Something to be touched that a plotly specification alone cannot say, and its words.

    Attributes:
        kind: names the script of the page that shows it, `reporting/templates/pieces/<kind>.js`.
        data: what that script shows, such as JSON can hold: everything is computed here, nothing in the page.
    """

    kind: str
    data: Mapping[str, Any]
    claim: Sequence[str]
    title: str
    title_zh: str
    caption: str
    caption_zh: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of texts: a row per line, the first column names it."""

    claim: Sequence[str]
    title: str
    title_zh: str
    columns: Sequence[str]
    columns_zh: Sequence[str]
    rows: Sequence[Sequence[str]]
    rows_zh: Sequence[Sequence[str]]


def counted(answers: Sequence[str]) -> str:
    """Return a table's cell with the different answers of the seeds, the commonest first, each with how many gave it."""
    order = sorted(set(answers), key=lambda answer: (-answers.count(answer), answer))
    return ", ".join(f"{answer or '–'} ({answers.count(answer)}/{len(answers)})" for answer in order)


@dataclasses.dataclass(frozen=True)
class Sentence:
    """Something worth saying on a claim's card beside its rule, with the numbers in it."""

    claim: Sequence[str]
    text: str
    text_zh: str


@dataclasses.dataclass(frozen=True)
class Erratum:
    """Something in the notes that does not hold, in our own words."""

    section: str
    claim: str
    text: str
    text_zh: str


@dataclasses.dataclass
class AnalysisResult:
    """What an analysis found.

    Attributes:
        checks: exact statements and whether they hold.
        values: numbers, or flat lists of numbers (one per seed or sample), for decision rules.
        figures: pictures by name.
        errata: slips found in the notes.
        interactive: pictures to be touched, by name. pieces: the same with a script of their own. tables: by name.
        sentences: for the cards.
        sounds: WAV files by name, which pictures to be touched may play (see `played`).
        runs: "section/run" of all it rests on.
        recorded: by value, the runs ("section/run") it rests on that were recorded once at full scale: they are a claim's evidence too.
    """

    checks: list[Check] = dataclasses.field(default_factory=list)
    values: dict[str, float | list[float]] = dataclasses.field(default_factory=dict)
    figures: dict[str, Picture] = dataclasses.field(default_factory=dict)
    errata: list[Erratum] = dataclasses.field(default_factory=list)
    interactive: dict[str, Interactive] = dataclasses.field(default_factory=dict)
    pieces: dict[str, Piece] = dataclasses.field(default_factory=dict)
    tables: dict[str, Table] = dataclasses.field(default_factory=dict)
    sentences: list[Sentence] = dataclasses.field(default_factory=list)
    sounds: dict[str, bytes] = dataclasses.field(default_factory=dict)
    runs: list[str] = dataclasses.field(default_factory=list)
    recorded: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def add(self, other: AnalysisResult) -> None:
        """Take over everything that another result holds."""
        self.checks += other.checks
        self.values |= other.values
        self.figures |= other.figures
        self.errata += other.errata
        self.interactive |= other.interactive
        self.pieces |= other.pieces
        self.tables |= other.tables
        self.sentences += other.sentences
        self.sounds |= other.sounds
        self.recorded |= other.recorded


def compare(claim: str, name: str, expected: Any, observed: Any, tolerance: float = 0.0, run: str = "") -> Check:
    """Hold a computed value against what it should be.

    Args:
        claim: id of the claim it bears on.
        name: of the check, unique within its claim.
        expected: number, text, truth value, or a (nested) list of them; tensors and arrays are taken as lists.
        observed: the same, as computed.
        tolerance: largest absolute difference of any number; everything else must be equal.
        run: the trained run, as section/run, whose answers are held against what they should be.
    """
    expected, observed = plain(expected), plain(observed)
    return Check(claim, name, expected, observed, tolerance, _agree(expected, observed, tolerance), run)


def plain(value: Any) -> Any:
    """Return tensors, arrays and tuples as lists, and numbers that JSON has no word for as text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _agree(expected: Any, observed: Any, tolerance: float) -> bool:
    if isinstance(expected, list) and isinstance(observed, list):
        return len(expected) == len(observed) and all(map(_agree, expected, observed, [tolerance] * len(expected)))
    if isinstance(expected, int | float) and isinstance(observed, int | float):
        return abs(expected - observed) <= tolerance
    return expected == observed


def read_options(cls: type[Options], options: Mapping[str, Any], where: str) -> Options:
    """Make an analysis' frozen options of its section of params.yaml.

    Raises:
        SettingsError: an option is unknown, of the wrong type, out of range, or contradicts another.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    hints = get_type_hints(cls)
    for key in options:
        if key not in fields:
            raise SettingsError(f"{where}.{key} is no option of this analysis{nearest(key, fields)}")
    required = [name for name, field in fields.items()
                if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING]
    for key in required:
        if key not in options:
            raise SettingsError(f"{where}.{key} is missing, which this analysis needs.")
    values = {key: _checked(value, fields[key], hints[key], f"{where}.{key}") for key, value in options.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from None


def _checked(value: Any, field: dataclasses.Field, hint: Any, where: str) -> Any:
    """Check one value; a mapping is left to the analysis' own options, which know what may stand in it."""
    if get_origin(hint) is Mapping:
        if not isinstance(value, Mapping):
            raise SettingsError(f"{where} must be a mapping, but is {value!r}.")
        return value
    return (_signed if field.metadata.get("signed") else checked_value)(value, hint, where, field.name)


def _signed(value: Any, kind: Any, where: str, key: str) -> Any:
    """Check a tuple of numbers that may lie below 0."""
    items = value if isinstance(value, list) else [value]
    sizes = [abs(item) if isinstance(item, int | float) else item for item in items]
    return tuple(map(math.copysign, checked_value(sizes, kind, where, key), items))


def save(name: str, result: AnalysisResult) -> Path:
    """Write results/analyses/<name>/ whole or not at all, and return it.

    Raises:
        ResultsError: a value is not a finite number.
    """
    _check_finite(name, result.values)
    with results.replaced_folder(results.analysis_folder(name)) as folder:
        for file, picture in result.figures.items():
            results.write_bytes(folder / f"{file}.svg", figures.to_svg(picture.figure))
        for file, picture in result.interactive.items():
            results.write_json(folder / f"{file}.plotly.json", picture.specification)
        for file, piece in result.pieces.items():
            results.write_json(folder / f"{file}.piece.json", piece.data, indent=None)  # the page holds it
        for file, content in result.sounds.items():
            results.write_bytes(folder / results.SOUNDS / f"{file}.wav", content)
        results.write_json(folder / results.analysis_file(name).name, as_json(name, result))
    return results.analysis_folder(name)


def played(analysis: str, sound: str) -> str:
    """Return the address, from the report's page, of a sound of an analysis: what a point's `customdata` holds to be played."""
    return f"{results.SOUNDS}/{analysis}/{sound}.wav"


def as_json(name: str, result: AnalysisResult) -> dict[str, Any]:
    """Return what stands in result.json."""
    return {"format": results.FORMAT, "analysis": name, "checks": [dataclasses.asdict(check) for check in result.checks],
            "values": {key: plain(value) for key, value in result.values.items()},
            "figures": [_words(picture, f"{file}.svg", "figure") for file, picture in result.figures.items()],
            "interactive": [_words(picture, f"{file}.plotly.json", "specification") for file, picture in result.interactive.items()],
            "pieces": [_words(piece, f"{file}.piece.json", "data") for file, piece in result.pieces.items()],
            "tables": {key: dataclasses.asdict(table) for key, table in result.tables.items()},
            "sentences": [dataclasses.asdict(sentence) for sentence in result.sentences],
            "errata": [dataclasses.asdict(erratum) for erratum in result.errata], "runs": result.runs, "recorded": result.recorded}


def _words(picture: Picture | Interactive | Piece, file: str, left_out: str) -> dict[str, Any]:
    """Return everything of a picture but the picture itself, which lies in a file of its own."""
    fields = (field.name for field in dataclasses.fields(picture))
    return {"file": file, **{name: getattr(picture, name) for name in fields if name != left_out}}


def _check_finite(name: str, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if not np.isfinite(np.asarray(value, dtype=float)).all():
            raise results.ResultsError(f"analysis {name} found a value {key} that is not a finite number; "
                                       f"look at the weights it reads, or leave the run that gave it out.")
