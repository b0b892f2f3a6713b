"""Data sets: where they come from, how they are frozen, and the explicit table of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unrolled.tables import Table
from unrolled.values import SettingsError, check_keys, checked_value, nearest, options_of

if TYPE_CHECKING:
    from unrolled.data.base import DataSet

DATA_SETS = Table(__name__, {  # of classes derived from `base.DataSet`
    "slots": "slots.Slots",
    "digits": "digits.Digits",
    "small_digits": "digits.SmallDigits",
    "cities": "cities.Cities",
    "shakespeare": "shakespeare.Shakespeare",
    "english_chinese": "english_chinese.EnglishChinese",
    "reviews": "reviews.Reviews",
    "tweets": "tweets.Tweets",
    "spoken_words": "spoken_words.SpokenWords",
    "spoken_further_words": "spoken_further_words.SpokenFurtherWords",
    "spoken_digits": "spoken_digits.SpokenDigits",
    "spoken_mandarin": "spoken_mandarin.SpokenMandarin",
    "spoken_archive": "spoken_archive.SpokenArchive",
})


def check(sets: Mapping[str, Mapping[str, Any]]) -> None:
    """Make sure that every set exists and knows its options.

    Raises:
        SettingsError: as `make`.
    """
    for name, options in sets.items():
        make(name, options)


def make(name: str, options: Mapping[str, Any]) -> DataSet:
    """Return a data set with its options.

    Raises:
        SettingsError: there is none of that name, an option is unknown, or its value impossible.
    """
    where = f"data.sets.{name}"
    if name not in DATA_SETS:
        raise SettingsError(f"{where} is no data set{nearest(name, DATA_SETS)}")
    known = options_of(DATA_SETS[name], ())
    check_keys(options, known, (), where)
    given = {key: checked_value(value, known[key], f"{where}.{key}") for key, value in options.items()}
    try:
        return DATA_SETS[name](**given)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from None
