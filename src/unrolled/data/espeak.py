"""Speech synthesised by espeak-ng, called in its shared library, which the package espeakng-loader brings along.

Three things about the library that its documentation does not say, each measured on espeak-ng 1.52:

- It carries state from one utterance to the next (the phase of its oscillators, its random numbers), so the same call gives the same bytes
  only at the same place of the same order of calls, in a process that has made no other: hence `speak_all`.
- An unknown variant ("en-us+nobody") is accepted and speaks as the plain voice, so the names are held against the files.
- Where words run on, its word events come 40 ms before the word can be heard; after a pause that was asked for they are on time.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from unrolled.data.archives import DataError

EARLY = 0.04  # seconds
SEED = 7  # of the library's random numbers, which breathy voices hear

# From espeak-ng's speak_lib.h.
_SYNCHRONOUS, _CHARACTERS, _UTF8, _DO_NOT_EXIT = 2, 1, 1, 0x8000
_RATE, _VOLUME, _PITCH, _PITCH_RANGE, _WORD_GAP = 1, 2, 3, 4, 7
_END_OF_EVENTS, _WORD = 0, 1
_IPA, _SEPARATOR = 0x02, ord("_") << 8
STRESS_AND_LENGTH = str.maketrans("", "", "ˈˌː")


class Utterance(NamedTuple):
    """What is to be said, and how.

    Attributes:
        text: words between blanks.
        voice: a language, and after + a variant of its voice: "en-us+f3".
        rate: words a minute, 80 to 450.
        pitch, pitch_range: 0 to 100; 50 is the voice's own.
        gap: pause between words, in units of 10 ms at the usual rate (175); 0 lets them run on.
    """

    text: str
    voice: str
    rate: int = 175
    pitch: int = 50
    pitch_range: int = 50
    gap: int = 0


class Sound(NamedTuple):
    """What was heard.

    Attributes:
        samples: int16 (samples,).
        rate: samples a second.
        starts: seconds at which the words of the text begin. Where espeak reads several as one ("in the"), they share its time evenly.
    """

    samples: np.ndarray
    rate: int
    starts: tuple[float, ...]


class _Event(ctypes.Structure):
    _fields_ = (("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
                ("milliseconds", ctypes.c_int), ("sample", ctypes.c_int), ("user_data", ctypes.c_void_p), ("name", ctypes.c_char * 8))


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Speaker:
    """The library, opened; it can be opened once in a process, so ask `speaker()` for it."""

    def __init__(self) -> None:
        self._library, data = _load()
        if not (data / "phontab").is_file() or not (data / "voices" / "!v").is_dir():
            raise DataError(f"espeak-ng's own data in {data} are not whole; install espeakng-loader again.")
        self._variants = {path.name for path in (data / "voices" / "!v").iterdir()}
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), _DO_NOT_EXIT)
        if self.rate <= 0:
            raise DataError(f"espeak-ng cannot read its own data in {data}; install espeakng-loader again.")
        self._library.espeak_ng_SetRandSeed(SEED)
        self._callback = _Callback(self._hear)  # kept, since the library keeps no reference
        self._library.espeak_SetSynthCallback(self._callback)
        self._pieces: list[np.ndarray] = []
        self._events: list[tuple[int, int]] = []  # text position, counted from 1, and sample

    def say(self, utterance: Utterance) -> Sound:
        """Speak.

        Raises:
            DataError: the text is empty, the voice does not exist, or nothing can be heard.
        """
        self._choose(utterance)
        wanted = {_RATE: utterance.rate, _VOLUME: 100, _PITCH: utterance.pitch, _PITCH_RANGE: utterance.pitch_range,
                  _WORD_GAP: utterance.gap}
        for parameter, value in wanted.items():
            self._library.espeak_SetParameter(parameter, int(value), 0)
        self._pieces, self._events = [], []
        text = utterance.text.encode("utf-8") + b"\0"
        status = self._library.espeak_Synth(text, len(text), 0, _CHARACTERS, 0, _UTF8, None, None)
        samples = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        if status or not samples.any():
            raise DataError(f"the voice {utterance.voice} says nothing for {utterance.text!r}; give it words of its own language.")
        return Sound(samples, self.rate, self._starts(utterance, len(samples)))

    def phonemes(self, text: str, voice: str = "en-us") -> list[str]:
        """Return the IPA phonemes of a text, without stress and length marks; a diphthong is one phoneme.

        Raises:
            DataError: as `say`.
        """
        self._choose(Utterance(text, voice))
        rest, found = ctypes.c_char_p(text.encode("utf-8")), []
        while rest.value:
            clause = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA | _SEPARATOR).decode("utf-8")
            found += clause.translate(STRESS_AND_LENGTH).replace(" ", "_").split("_")
        return [phoneme for phoneme in found if phoneme]

    def _starts(self, utterance: Utterance, samples: int) -> tuple[float, ...]:
        """Return when the words begin; the first begins at 0, whether or not the library says so (after many `phonemes` it does not)."""
        count = len(utterance.text.split())
        found = {len(utterance.text[: position - 1].split()): sample / self.rate for position, sample in reversed(self._events)}
        early = 0.0 if utterance.gap else EARLY
        known = {0: 0.0, **{word: found[word] + early for word in sorted(found) if 0 < word < count}, count: samples / self.rate}
        return tuple(np.interp(range(count), list(known), list(known.values())).tolist())

    def _choose(self, utterance: Utterance) -> None:
        """Set the voice of an utterance, after a look at both."""
        _, _, variant = utterance.voice.partition("+")
        if not utterance.text.strip() or "\0" in utterance.text:
            raise DataError("there is nothing to say: the text is empty or holds a null character; give at least one word.")
        if (variant and variant not in self._variants) or self._library.espeak_SetVoiceByName(utterance.voice.encode("utf-8")):
            raise DataError(f"espeak-ng has no voice {utterance.voice!r}; take a language such as en-us or cmn, and after + one of its "
                            "variants, such as en-us+f3.")

    def _hear(self, samples: ctypes.Array, count: int, events: ctypes.Array) -> int:
        """Take a piece of sound and its events; 0 tells the library to go on."""
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        for event in itertools.takewhile(lambda event: event.type != _END_OF_EVENTS, map(events.__getitem__, itertools.count())):
            if event.type == _WORD:
                self._events.append((event.text_position, event.sample))
        return 0


def _load() -> tuple[ctypes.CDLL, Path]:
    """Return the library, and the folder of its data.

    Raises:
        DataError: there is none for this machine.
    """
    try:
        import espeakng_loader  # here: only those who speak need it

        library, data = ctypes.CDLL(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path())
    except (ImportError, OSError, RuntimeError) as error:
        raise DataError(f"espeak-ng cannot be loaded ({' '.join(str(error).split())[:200]}); run `pip install espeakng-loader==0.2.4`, "
                        "which brings it for Linux, macOS and Windows on x86-64 and ARM.") from None
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    library.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
                                     ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p]
    return library, data


@functools.cache
def speaker() -> Speaker:
    """Return this process' speaker.

    Raises:
        DataError: the library cannot be loaded.
    """
    return Speaker()


def say(utterance: Utterance) -> Sound:
    """Speak in this process; the sound depends, though hardly to the ear, on what this process has said before.

    Raises:
        DataError: as `Speaker.say`, or the library cannot be loaded.
    """
    return speaker().say(utterance)


def phonemes(text: str, voice: str = "en-us") -> list[str]:
    """Return the phonemes of a text as `Speaker.phonemes`."""
    return speaker().phonemes(text, voice)


def speak_all(utterances: Iterable[Utterance]) -> Iterator[Sound]:
    """Speak in a fresh process, so that the same utterances give the same bytes on each run; it is never far ahead of who takes the sounds.

    Raises:
        DataError: as `say`.
    """
    wanted = list(utterances)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", f"from {__name__} import serve; serve()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        try:
            process.stdin.write(json.dumps(wanted).encode() + b"\n")
            process.stdin.close()
            for utterance in wanted:
                yield _receive(process.stdout, utterance)
        finally:
            process.kill()  # of no account where it has ended


def _receive(stream: IO[bytes], utterance: Utterance) -> Sound:
    """Take a sound from the process that speaks.

    Raises:
        DataError: that process cannot speak, or has ended before the sound has.
    """
    line = stream.readline()
    told = json.loads(line) if line.endswith(b"\n") else {"count": 1}  # behind part of a line comes nothing either
    if "error" in told:
        raise DataError(told["error"])
    samples = stream.read(2 * told["count"])
    if len(samples) < 2 * told["count"]:
        raise DataError(f"the process that speaks ended at {utterance.text!r} in the voice {utterance.voice}; run the same command again.")
    return Sound(np.frombuffer(samples, np.int16), told["rate"], tuple(told["starts"]))


def serve() -> None:
    """Speak the utterances of one line of standard input to standard output: for each a line that tells of its sound, and the samples."""
    stream = sys.stdout.buffer
    try:
        for utterance in json.loads(sys.stdin.readline()):
            sound = say(Utterance(*utterance))
            stream.write(json.dumps({"rate": sound.rate, "starts": sound.starts, "count": len(sound.samples)}).encode() + b"\n")
            stream.write(sound.samples.tobytes())
    except DataError as error:
        stream.write(json.dumps({"error": str(error)}).encode() + b"\n")
    stream.flush()
