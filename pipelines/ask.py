"""Ask a trained network: `make tag SENTENCE="leave taipei on november 2nd"`, `make translate TEXT="machine learning"`."""

from __future__ import annotations

import os
import sys
from collections import Counter

from unrolled import processor, results, settings
from unrolled.asking import TAGGER, TRANSLATOR, checked_words, tag, translate


def main(what: str, run: str = "") -> None:
    """Load the run's members and print what most of them answer; the question comes by the environment, safe from the shell."""
    with results.exit_on_user_error():
        if what not in ("tag", "translate"):
            raise settings.SettingsError(f"one can ask to tag or to translate, not to {what!r}.")
        name = "SENTENCE" if what == "tag" else "TEXT"
        words = checked_words(os.environ.get(name, ""), name)
        processor.prepare()
        chosen = settings.load()
        if what == "tag":
            unknown, answers = tag(chosen, run or TAGGER, words)
            for place, word in enumerate(words):
                label, count = Counter(member[place] for member in answers).most_common(1)[0]
                print(f"{word:<20} {label:<34} {count} of {len(answers)} seeds")
        else:
            unknown, answers = translate(chosen, run or TRANSLATOR, words)
            for answer, count in Counter(answers).most_common():
                print(f"{answer or '(nothing)'}  {count} of {len(answers)} seeds")
        if unknown:
            print(f"unknown to training: {' '.join(unknown)}")


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["?"], run=os.environ.get("RUN", ""))
