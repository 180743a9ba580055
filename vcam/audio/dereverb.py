"""Takes the late reflections of a room off a stream of spectra, so that its echo is not taken for speech.

Weighted prediction error: in each line of the spectrum, what can be told from the spectra before the last ones is
reflection, and is subtracted. Speech itself cannot be told so far ahead. (Nakatani et al., 2010, "Speech
dereverberation based on variance-normalized delayed linear prediction"; Yoshioka & Nakatani, 2012.) Steady hums and
held tones can be told likewise, and get quieter as well. Nothing is delayed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

ComplexArray = npt.NDArray[np.complex64]

LINES = 160  # from the bottom of a spectrum of 257: to 5 kHz; above, rooms reflect little, and voices tell less
_DELAY = 3  # hops, 30 ms: windows nearer than that share sound with the present one, and one speech sound fills them
_TAPS = 15  # hops, 150 ms: three fewer cost .001 of correlation of lips in a room, more are worth nothing
_REACH = _DELAY - 1 + _TAPS
_LEARN = 12  # hops, 120 ms: filters are solved for so seldom, from all that was heard
_MEMORY = np.float32(0.9995**_LEARN)  # of that stays each time: 20 s
_DOUBT = 20 * np.eye(_TAPS, dtype=np.float32)  # hops of even power that it takes to half believe in a reflection
_POWERS = 3  # hops over which the power of the speech is taken
_LEAST = np.float32(1e-2)  # of the past's power is the least that speech has: else a cut to silence teaches "no room"
# of a line's power stays: notes of a tune without their ends would be taken for syllables (seen with 0.1 and less)
_DEEPEST = np.float32(0.25)
_NOTHING = np.float32(1e-30)
_QUIET = np.float32(1.5e-9)  # power that counts as nothing: 110 dB below full scale, through the window


class Dereverberation:
    """Streaming, one row of a spectrum in, one out: windows of 25 ms every 10 ms, at 16 kHz.

    It has learned a room after a second or two of speech, and follows a changed one within its memory of 20 s. At any
    level the same but for the deepest silence.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As new."""
        self._filters = np.zeros((LINES, _TAPS), np.complex64)
        self._covariance = np.zeros((LINES, _TAPS, _TAPS), np.complex64)  # of the past, over the power of the speech
        self._correlation = np.zeros((LINES, _TAPS, 1), np.complex64)  # of the past and the present, likewise
        self._heard = np.zeros((LINES, _REACH + _LEARN), np.complex64)  # oldest first
        self._powers = np.zeros((LINES, _POWERS - 1 + _LEARN), np.float32)  # of the speech, oldest first
        self._hops = 0  # since it learned

    def push(self, spectra: ComplexArray) -> ComplexArray:
        """complex64 [n, 257] as heard; the same without late reflections.

        No line gets louder, or quieter by more than 6 dB.
        """
        dry = spectra.copy()
        for row in dry[:, :LINES]:
            row[:] = self._hop(row)
            if self._hops == _LEARN:
                self._learn()
        return dry

    def _hop(self, heard: ComplexArray) -> ComplexArray:
        at, self._hops = self._hops, self._hops + 1
        self._heard[:, _REACH + at] = heard
        dry: ComplexArray = heard - np.einsum("lt,lt->l", self._filters, self._heard[:, at : at + _TAPS])
        power, power_heard = _power(dry), _power(heard)
        self._powers[:, _POWERS - 1 + at] = power
        dry *= np.sqrt(np.clip(power, _DEEPEST * power_heard, power_heard) / np.maximum(power, _NOTHING))
        return dry

    def _learn(self) -> None:
        pasts = sliding_window_view(self._heard, _TAPS, axis=1)[:, :_LEARN]  # of each hop
        least = _LEAST * sliding_window_view(_power(self._heard), _TAPS, axis=1)[:, :_LEARN].mean(2) + _QUIET
        weights = 1 / np.maximum(sliding_window_view(self._powers, _POWERS, axis=1).mean(2), least)
        weighted = (pasts * weights[:, :, None]).conj().transpose(0, 2, 1)
        self._covariance = _MEMORY * self._covariance + weighted @ pasts
        self._correlation = _MEMORY * self._correlation + weighted @ self._heard[:, _REACH:, None]
        self._filters = np.linalg.solve(self._covariance + _DOUBT, self._correlation)[:, :, 0]
        self._heard[:, :_REACH] = self._heard[:, _LEARN:]
        self._powers[:, : _POWERS - 1] = self._powers[:, _LEARN:]
        self._hops = 0


def _power(spectrum: ComplexArray) -> npt.NDArray[np.float32]:
    return spectrum.real**2 + spectrum.imag**2
