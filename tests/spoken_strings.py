"""Made-up speech for tests: words are vectors, not sounds."""

from __future__ import annotations

import numpy as np

from unrolled.data.spoken import Spoken

WORDS = ("hao", "bang", "kan", "man")


def say(count: int, seed: int, voices: tuple[str, ...] = ("one", "two")) -> Spoken:
    """Return strings of two to four words, every other one with pauses; a word is two noisy vectors, one for 3 frames, one for 4 to 7."""
    sounds, drawn = np.random.default_rng(99).normal(0, 3, (2 * len(WORDS) + 1, 13)), np.random.default_rng(seed)
    found = Spoken([], [], [], [], [])
    for place in range(count):
        words = drawn.integers(0, len(WORDS), drawn.integers(2, 5))
        if place % 4 < 2:
            words[1] = words[0]
        frames, starts, ends = [], [], []
        for word in [None, *words, None]:
            silent = [-1] * (8 if place % 2 or word is None else 0)
            if word is not None:
                starts.append(len(frames))
                frames += [word] * 3 + [len(WORDS) + word] * int(drawn.integers(4, 8))
                ends.append(len(frames))
            frames += silent
        features = sounds[frames] + drawn.normal(0, 0.3, (len(frames), 13))
        for part, value in zip(found, (features.astype(np.float32), " ".join(WORDS[word] for word in words), voices[place % len(voices)],
                                       np.array(starts, np.int32), np.array(ends, np.int32)), strict=True):
            part.append(value)
    return found
