"""Speech with known phoneme times, from libespeak-ng through ctypes.

The phoneme events are those of ``speak_lib.h`` (espeak-ng 1.50 or newer).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 1, 2, 1 << 15
_EVENT_END, _EVENT_PHONEME = 0, 7
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_UTF8 = 1
_GAP_LEVEL = 0.005  # of the loudest: what is below counts as the closure of a stop
_CLOSURE_MOST = 0.12  # seconds
_M_PERTURB, _ZEROS = -6, 0xFF  # malloc.h of glibc: fresh memory is filled with the complement
EMPTY_FRESH_MEMORY = {"MALLOC_PERTURB_": str(_ZEROS)}
"""Environment of a program that is not careful with it either, where its C library is glibc."""
_STOPS = tuple("pbtdkgɡqɢʈɖcɟʔɓɗʄɠ")


@dataclass(frozen=True, slots=True)
class Segment:
    """One phoneme: IPA without stress ("" for a pause), start and end in seconds."""

    ipa: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """``samples`` float32 mono at ``rate`` Hz; ``segments`` cover it without gaps."""

    samples: npt.NDArray[np.float32]
    rate: int
    segments: list[Segment]


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The library, once a process (it keeps global state). OSError if it is not installed."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise OSError("libespeak-ng is not installed; on Debian and Ubuntu: apt install espeak-ng libespeak-ng1")
        _empty_fresh_memory()
        self._library = ctypes.CDLL(name)
        options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 500, None, options))
        if self.rate <= 0:
            raise OSError(f"espeak_Initialize failed with {self.rate}; is espeak-ng-data installed?")
        self._pieces: list[npt.NDArray[np.int16]] = []
        self._events: list[tuple[int, str]] = []
        self._callback = _Callback(self._receive)  # kept: the library holds only the pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, voice: str, text: str, words_per_minute: int, pitch: int, pitch_range: int) -> Utterance:
        """Say ``text`` with ``voice`` ("de+f3"). LookupError: the voice is unknown; ValueError: nothing was said."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise LookupError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._pieces, self._events = [], []
        data = text.encode()
        self._library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, _UTF8, None, None)
        if not self._pieces or not self._events:
            raise ValueError(f"espeak-ng said nothing for {text!r} with {voice!r}")
        samples = np.concatenate(self._pieces).astype(np.float32) / np.float32(32768)
        return Utterance(samples, self.rate, self._segments(samples))

    def _receive(self, wave: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
        if wave and count > 0:
            self._pieces.append(np.ctypeslib.as_array(wave, (count,)).copy())
        i = 0
        while events[i].type != _EVENT_END:
            if events[i].type == _EVENT_PHONEME:
                name = events[i].string.decode("utf-8", "ignore")
                # another language's word is announced by that one's name, and a pause of 9 ms
                self._events.append((events[i].sample, "" if name.startswith("(") else name))
            i += 1
        return 0

    def _segments(self, samples: npt.NDArray[np.float32]) -> list[Segment]:
        """Events as intervals; a stop begins with its closure, which espeak counts to the sound before."""
        count = len(samples)
        names = ["", *(name.strip("ˈˌ_ ") for _, name in self._events)]
        starts = [0, *(min(at, count) for at, _ in self._events)]
        block = self.rate // 200
        whole = samples[: count // block * block].reshape(-1, block)
        quiet = np.abs(whole).max(1) < _GAP_LEVEL * max(1e-6, float(np.abs(samples).max()))
        for i in range(1, len(starts)):
            if not names[i].startswith(_STOPS):
                continue
            first = starts[i] // block
            least = max(starts[i - 1], starts[i] - round(_CLOSURE_MOST * self.rate)) // block
            while first > least and quiet[first - 1]:
                first -= 1
            if names[i - 1] == "":  # a pause is a pause, but for the closing of the lips before the burst
                first = max(first, starts[i] // block - 12)
            starts[i] = max(starts[i - 1], min(starts[i], first * block))
        ends = [*starts[1:], count]
        return [
            Segment(name, start / self.rate, end / self.rate)
            for name, start, end in zip(names, starts, ends, strict=True)
            if end > start
        ]


def _empty_fresh_memory() -> None:
    """For this process, where its C library is glibc: what is allocated holds zeros.

    espeak-ng 1.51 reads flags that it never wrote when a word is in another language, and says this and later
    sentences by what the memory held before.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_PERTURB, _ZEROS)
