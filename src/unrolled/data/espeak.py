"""The speech synthesiser espeak-ng, out of its wheel: text in, samples and the times of the words out.

The library keeps state from one utterance to the next (a random generator for breathy voices among it), so that the same texts give
the same samples only in the same order and in a fresh process; `synthesise` starts one.
"""

from __future__ import annotations

import ctypes
import multiprocessing
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from unrolled import processor
from unrolled.data.archives import DataError

SEED = 7  # of the library's own random generator
EVENT_LATE = 0.04  # seconds that the library reports a word before it is heard
SYNCHRONOUS, UTF8, BY_CHARACTER, IPA = 2, 1, 1, 2  # constants of speak_lib.h
WORD_EVENT, LAST_EVENT = 1, 0
RATE, PITCH, RANGE = 1, 3, 4


class _Event(ctypes.Structure):
    _fields_: ClassVar = [
        ("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int), ("sample", ctypes.c_int), ("user_data", ctypes.c_void_p), ("name", ctypes.c_char * 8)]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Utterance(NamedTuple):
    """What is to be spoken.

    Attributes:
        voice: name of a voice, with a variant after a plus sign, such as "en-us+f3".
        text: words.
        rate: words a minute, 80 to 450. pitch, pitch_range: 0 to 99.
    """

    voice: str
    text: str
    rate: int = 175
    pitch: int = 50
    pitch_range: int = 50


class Speech(NamedTuple):
    """What was spoken.

    Attributes:
        samples: int16.
        starts: seconds at which each word begins.
        phonemes: of the text, in the letters of the International Phonetic Alphabet.
    """

    samples: np.ndarray
    starts: np.ndarray
    phonemes: str


class Synthesiser:
    """The library, loaded once in this process.

    Attributes:
        sampling_rate: samples a second.

    Raises:
        DataError: the library cannot be loaded or does not find its voices.
    """

    def __init__(self) -> None:
        try:
            import espeakng_loader  # here: only who makes speech needs it

            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
            voices = espeakng_loader.get_data_path().encode()
        except (ImportError, OSError) as error:
            raise DataError(f"the speech synthesiser espeak-ng cannot be loaded ({error}); run `make setup`, or set data.source: official "
                            "to use recorded speech.") from None
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
        self._library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        self.sampling_rate = int(self._library.espeak_Initialize(SYNCHRONOUS, 0, voices, 0))
        if self.sampling_rate <= 0:
            raise DataError("the speech synthesiser espeak-ng does not find its voices; run `make setup` to install them again.")
        self._library.espeak_ng_SetRandSeed(SEED)
        self._voice, self._samples, self._starts = "", [], []
        self._callback = _Callback(self._hear)  # kept: the library holds no reference of its own
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples: Any, count: int, events: Any) -> int:
        """Take what the library hands over: some samples, and the events in them."""
        place = 0
        while events[place].type != LAST_EVENT:
            if events[place].type == WORD_EVENT:
                self._starts.append(events[place].sample / self.sampling_rate + EVENT_LATE)
            place += 1
        if samples and count > 0:
            self._samples.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, utterance: Utterance) -> Speech:
        """Speak.

        Raises:
            DataError: there is no such voice, or nothing to be heard.
        """
        if not utterance.text.strip() or "\0" in utterance.text:
            raise DataError("there is no text to be spoken; give at least one word.")
        self._choose(utterance.voice)
        for parameter, value in ((RATE, utterance.rate), (PITCH, utterance.pitch), (RANGE, utterance.pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._samples, self._starts, text = [], [], utterance.text.encode()
        self._library.espeak_Synth(text, len(text) + 1, 0, BY_CHARACTER, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._samples) if self._samples else np.zeros(0, np.int16)
        if not samples.any():
            raise DataError(f"the voice {utterance.voice} says nothing to {utterance.text[:60]!r}; ask for words of its language.")
        return Speech(samples, np.array(self._starts), self.phonemes(utterance.text))

    def phonemes(self, text: str) -> str:
        """Return the phonemes of a text as the voice chosen last would speak it."""
        rest, found = ctypes.c_char_p(text.encode()), []
        while rest.value:
            found.append((self._library.espeak_TextToPhonemes(ctypes.byref(rest), UTF8, IPA) or b"").decode())
        return " ".join(found)

    def _choose(self, voice: str) -> None:
        if voice == self._voice:
            return
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise DataError(f"the speech synthesiser has no voice {voice!r}; one that it has is 'en-us'.")
        self._voice = voice


def synthesise(make: Callable[..., Any], *arguments: Any) -> Any:
    """Call `make(synthesiser, *arguments)` in a fresh process and return what it returns.

    Raises:
        DataError: as `Synthesiser`, or whatever `make` raises.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_call, (make, arguments))


def _call(make: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    processor.prepare()  # words are short: threads would only wait for one another
    return make(Synthesiser(), *arguments)
