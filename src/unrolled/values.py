"""What values in params.yaml may be: their types, choices and ranges, the keys of a mapping, and how a slip is named."""

from __future__ import annotations

import difflib
import functools
import inspect
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from unrolled.results import UserError

SCALES = ("laptop", "smoke", "full", "official")
_CHOICES = {
    "scale": SCALES,
    "device": ("auto", "cpu", "cuda"),
    "engine": ("local", "ray"),
    "source": ("packaged", "official"),
    "optimizer": ("adam", "sgd"),
    "schedule": ("constant", "cosine", "linear"),
    "clip_by": ("none", "norm", "value"),
    "path": ("loop", "fused", "compiled"),
    "feedback": ("own", "target", "scheduled"),
    "pooling": ("last", "mean", "max"),
}


class SettingsError(UserError):
    """A setting is unknown, of the wrong type, out of range or contradicts another."""


@functools.cache
def annotations_of(annotated: Any) -> Mapping[str, Any]:
    """Return the types of a class' fields or a function's parameters; they are words in the sources, and reading them takes its time."""
    return types.MappingProxyType(typing.get_type_hints(annotated))


@functools.cache
def _keyword_options(cls: type) -> Mapping[str, Any]:
    hints = annotations_of(cls.__init__)
    parameters = inspect.signature(cls.__init__).parameters.values()
    return types.MappingProxyType(
        {parameter.name: hints[parameter.name] for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY})


def options_of(cls: type, given: Iterable[str]) -> dict[str, Any]:
    """Return the keyword options of a registered class with their types, those that it is always `given` left out."""
    return {name: kind for name, kind in _keyword_options(cls).items() if name not in given}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" or, where nothing is near, the list of the known names."""
    known = list(known)
    match = closest(name, known)
    return f"; did you mean {match!r}?" if match else f"; known are {', '.join(sorted(known)) or 'none'}."


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is probably meant, None where nothing is near."""
    return next(iter(difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)), None)


def checked_value(value: Any, kind: Any, where: str, key: str | None = None) -> Any:
    """Check one value's type, choice and range.

    Raises:
        SettingsError: it has the wrong type, is not one of its choices, is out of range, or repeats a number that counts once.
    """
    key = key or where
    if typing.get_origin(kind) is tuple:
        items = value if isinstance(value, list) else [value]
        found = tuple(checked_value(item, typing.get_args(kind)[0], where, key) for item in items)
        if key in _DISTINCT and (again := next((item for place, item in enumerate(found) if item in found[:place]), None)) is not None:
            raise SettingsError(f"{where} gives {again:g} more than once; give each number once.")
        return found
    kind = typing.get_args(kind)[0] if isinstance(kind, types.UnionType) else kind
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise SettingsError(f"{where} must be {_article(kind)}, but is {value!r}.")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise SettingsError(f"{where} is {value!r}{nearest(value, _CHOICES[key])}")
    if kind in (int, float):
        _check_range(value, where, key)
    return value


# Least value of each number, and where a largest makes sense.
_LEAST = {"hidden": 1, "seeds": 1, "batch": 1, "layers": 1, "stride": 1, "evaluate_every": 1, "members_together": 1,
          "length": 2}
_MOST = {"dropout": 0.95, "hidden": 100_000, "layers": 100, "seeds": 1000, "workers": 1024, "gpus_per_job": 1, "retries": 100}
_DISTINCT = ("learning_rates", "further_rates")  # each trains members of its own: one given twice would count its seeds twice
_POSITIVE = ("learning_rates", "further_rates", "clip_at")


def _check_range(value: float, where: str, key: str) -> None:
    if value != value or value in (float("inf"), float("-inf")):
        raise SettingsError(f"{where} must be a finite number, but is {value}.")
    if key in _POSITIVE and value <= 0:
        raise SettingsError(f"{where} must be above 0, but is {value}.")
    if value < _LEAST.get(key, 0):
        raise SettingsError(f"{where} must be at least {_LEAST.get(key, 0)}, but is {value}.")
    if value > _MOST.get(key, float("inf")):
        raise SettingsError(f"{where} must be at most {_MOST[key]}, but is {value}.")


def _article(kind: type) -> str:
    return {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}.get(kind, kind.__name__)


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return a value that must be a mapping."""
    if not isinstance(value, Mapping):
        raise SettingsError(f"{where} must be a mapping of names to values, but is {value!r}.")
    return value


def check_keys(tree: Mapping[str, Any], known: Iterable[str], required: Iterable[str], where: str) -> None:
    """Complain of the first unknown or missing key."""
    prefix = f"{where}." if where else ""
    for key in tree:
        if key not in known:
            raise SettingsError(f"{prefix}{key} is not a setting{nearest(key, known)}")
    for key in required:
        if key not in tree:
            raise SettingsError(f"{prefix}{key} is missing from params.yaml.")
