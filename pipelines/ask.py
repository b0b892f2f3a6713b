"""Ask a trained network: `make tag SENTENCE=...`, `make translate TEXT=...`, `make find PHRASE="white house"` (or WAV=file.wav)."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

from unrolled import asking, processor, results, settings

ROWS = 5


def main(what: str, run: str = "") -> None:
    """Load the run's members and print what they answer; the question comes by the environment, safe from the shell."""
    questions = {"tag": tag, "translate": translate, "find": find}
    with results.exit_on_user_error():
        if what not in questions:
            raise settings.SettingsError(f"one can ask to {', '.join(questions)}, not to {what!r}.")
        processor.prepare()
        questions[what](settings.load(), run)


def tag(chosen: settings.Settings, run: str) -> None:
    """Print the label of each word that most members give."""
    words = asking.checked_words(os.environ.get("SENTENCE", ""), "SENTENCE")
    unknown, answers = asking.tag(chosen, run or asking.TAGGER, words)
    for place, word in enumerate(words):
        label, count = Counter(member[place] for member in answers).most_common(1)[0]
        print(f"{word:<20} {label:<34} {count} of {len(answers)} seeds")
    _print_unknown(unknown, words)


def translate(chosen: settings.Settings, run: str) -> None:
    """Print the translations, the commonest first."""
    words = asking.checked_words(os.environ.get("TEXT", ""), "TEXT")
    unknown, answers = asking.translate(chosen, run or asking.TRANSLATOR, words)
    for answer, count in Counter(answers).most_common():
        print(f"{answer or '(nothing)'}  {count} of {len(answers)} seeds")
    _print_unknown(unknown, words)


def find(chosen: settings.Settings, run: str) -> None:
    """Print the likeliest places of a phrase that is spoken here, or of one in a WAV file."""
    path, phrase = os.environ.get("WAV", ""), os.environ.get("PHRASE", "")
    if path and phrase:
        raise settings.SettingsError("both PHRASE and WAV are given; ask for one of them.")
    query = asking.recorded_phrase(Path(path)) if path else asking.spoken_phrase(phrase)
    places = asking.find(chosen, run or asking.SEARCHER, query)
    print("cosine  distance  at       voice              sentence")
    for place in places[:ROWS]:
        print(f"{place.cosine:6.2f}  {place.distance:8.3f}  {place.seconds:5.2f} s  {place.voice:<17}  {place.text}")
    missing = asking.never_said(phrase.split())
    if missing:
        print(f"no sentence of the archive holds: {' '.join(missing)}; what stands above only sounds like it")


def _print_unknown(unknown: list[str], words: list[str]) -> None:
    """Say which words, or letters where letters are read, training never showed, and what an answer to them is worth."""
    strange = {each.lower() for each in unknown}
    if unknown:
        is_guess = all(word.lower() in strange or set(word.lower()) <= strange for word in words)
        worth = "nothing else was said, so the answer is a guess" if is_guess else "the answer rests on the rest alone"
        print(f"unknown to training: {' '.join(unknown)}; {worth}")


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["?"], run=os.environ.get("RUN", ""))
