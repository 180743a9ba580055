"""From sound to mouth: levels and balances of frequency bands, told apart from the microphone's gain.

A 40 ms frame's mouth is read from 10 ms hops around its middle, a little early, as lips move before the sound.
A learned network can take this module's place: it has to give the same four numbers a frame.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, samples, silence

HOP = samples(10)
WINDOW = samples(25)
LOOK_AHEAD = samples(60)
_LEAD = samples(20)  # lips precede the sound
_SPREAD = 4  # hops on each side of a frame's middle that shape it: no flapping at the pitch or at noise
_FFT = 512
_QUIET = 1e-12  # power that counts as nothing
_FAINTEST = -66.0  # dB: the reference for the faintest voice, about -60 dBFS; below it is noise

# Hz: the bands whose balance tells vowels apart (first and second formants as in Peterson & Barney, 1952)
_VOICE = (150, 4000)
_F1_CLOSE, _F1_OPEN = (200, 500), (600, 1200)
_F2_BACK, _F2_FRONT = (700, 1400), (1700, 3000)
_SOUNDED, _HISS = (200, 3500), (4000, 7500)
_BANDS = (_VOICE, _F1_CLOSE, _F1_OPEN, _F2_BACK, _F2_FRONT, _SOUNDED, _HISS)

_OPEN_RANGE = 20.0  # dB below the loudest vowels at which the mouth is closed
_HISS_RANGE = 34.0  # dB below them at which a fricative is not seen
_FASTEST = 0.5  # of the way from closed to open in a frame: lips have mass
_RAMP_UP, _RAMP_DOWN, _RAMP = 3, 2, 6  # presence comes in two frames and goes in three
_OPEN_FULL = 4.0  # dB below them at which it is as open as it gets


@dataclass(frozen=True, slots=True)
class MouthTarget:
    """``jaw`` 0 closed to 1 open; ``wide`` -1 round to 1 wide; ``pressed`` 0..1 lips on each other; ``presence`` 0
    silent to 1 speaking (already eased), which the drawing multiplies into the others."""

    jaw: float = 0.0
    wide: float = 0.0
    pressed: float = 0.0
    presence: float = 0.0


@dataclass(frozen=True, slots=True)
class _Hop:
    level: float  # dB; 6 below the dBFS of a sine
    height: float  # dB: high for open vowels
    front: float  # dB: high for spread vowels, low for round ones
    hiss: float  # 0..1: how much it is a fricative
    hiss_level: float  # dB


class Features:
    """Streaming: chunks in, one :class:`MouthTarget` for each 40 ms frame out."""

    look_ahead = LOOK_AHEAD

    def __init__(self) -> None:
        self._window = np.hanning(WINDOW).astype(np.float32)
        frequency = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
        self._bands = np.stack([(frequency >= low) & (frequency < high) for low, high in _BANDS], 1).astype(np.float32)
        kernel = np.hanning(2 * _SPREAD + 3)[1:-1]
        self._kernel: list[float] = kernel.tolist()
        self._reference: float | None = None  # dB, the level of loud vowels
        self._since_loud = 0  # hops
        self._height_mean, self._front_mean = -4.0, -8.0  # dB, of ordinary speech; adapted to the voice
        self._mouth = MouthTarget()
        self._ramp = 0
        self.reset(0)

    def reset(self, pts: int) -> None:
        """Forget the sound, but keep the voice's level and let the mouth ease from where it is."""
        self._frame = pts  # PTS of the next frame
        self._expected = pts
        self._sound: FloatArray = silence(WINDOW // 2)  # from PTS _sound_pts on
        self._sound_pts = pts - WINDOW // 2
        self._next_hop = pts  # middle of the next hop
        self._hops: deque[_Hop] = deque(maxlen=64)
        self._spoken = 0
        self._heard = False

    def push(self, chunk: AudioChunk) -> list[tuple[int, MouthTarget]]:
        """Take 20 ms, give (PTS, mouth) of the frames now complete. Raises ValueError if the chunk does not follow."""
        if chunk.pts != self._expected:
            raise ValueError(f"the chunk at {chunk.pts} does not follow {self._expected}: reset comes first")
        self._expected = chunk.end
        self._append(chunk)
        fresh = self._measure()
        if chunk.speech:
            if self._spoken == 0 and self._reference is None and self._hops:
                self._reference = max(_FAINTEST, *(hop.level + 3 for hop in list(self._hops)[-8:]))
            for hop in fresh:
                self._adapt(hop)
        self._spoken = self._spoken + 1 if chunk.speech else 0
        out = []
        while chunk.end >= self._frame + FRAME_SAMPLES:
            out.append((self._frame, self._shape(chunk.speech)))
            self._frame += FRAME_SAMPLES
        return out

    def _append(self, chunk: AudioChunk) -> None:
        ahead = chunk.ahead[:LOOK_AHEAD]
        if len(ahead) < LOOK_AHEAD:
            ahead = np.concatenate([ahead, silence(LOOK_AHEAD - len(ahead))])
        new = ahead[-CHUNK_SAMPLES:] if self._heard else np.concatenate([chunk.samples, ahead])
        self._heard = True
        self._sound = np.concatenate([self._sound, new])

    def _measure(self) -> list[_Hop]:
        """The hops that the newest sound completes."""
        count = (self._sound_pts + len(self._sound) - WINDOW // 2 - self._next_hop) // HOP + 1
        if count <= 0:
            return []
        first = self._next_hop - WINDOW // 2 - self._sound_pts
        index = first + HOP * np.arange(count)[:, None] + np.arange(WINDOW)[None, :]
        spectrum = np.fft.rfft(self._sound[index] * self._window, _FFT)
        power = (spectrum.real**2 + spectrum.imag**2) @ self._bands / WINDOW**2
        hops = [self._hop(*row) for row in (10 * np.log10(power + _QUIET)).tolist()]
        self._hops.extend(hops)
        self._next_hop += HOP * count
        keep = self._next_hop - WINDOW // 2 - self._sound_pts
        self._sound = self._sound[keep:]
        self._sound_pts += keep
        return hops

    @staticmethod
    def _hop(voice: float, close: float, open_: float, back: float, front: float, sounded: float, hiss: float) -> _Hop:
        return _Hop(voice, open_ - close, front - back, 1 / (1 + math.exp(-(hiss - sounded + 3) / 2)), hiss)

    def _adapt(self, hop: _Hop) -> None:
        """Follow the voice: its loud level (quickly up, slowly down) and the middle of its vowel balances."""
        if self._reference is None:
            return
        above = hop.level - self._reference
        if above > 0:
            self._reference += 0.25 * above
        if above > -8:
            self._since_loud = 0
            self._height_mean += 0.01 * (hop.height - self._height_mean)
            self._front_mean += 0.01 * (hop.front - self._front_mean)
        else:
            self._since_loud += 1
            # 2 dB/s in running speech; 10 dB/s once nothing was loud for 1.5 s, as after a turned-down microphone
            self._reference = max(_FAINTEST, self._reference - (0.02 if self._since_loud < 150 else 0.1))

    def _shape(self, speech: bool) -> MouthTarget:
        """The mouth of the frame at ``self._frame``, eased from the one before."""
        self._ramp = min(_RAMP, self._ramp + _RAMP_UP) if speech else max(0, self._ramp - _RAMP_DOWN)
        part = self._ramp / _RAMP
        presence = part * part * (3 - 2 * part)
        if self._ramp == 0:
            self._mouth = MouthTarget()
            return self._mouth
        jaw, wide, pressed = self._read() if speech and self._reference is not None else (0.0, 0.0, 0.0)
        last = self._mouth
        jaw = last.jaw + (0.85 if jaw > last.jaw else 0.65) * (jaw - last.jaw)
        shown = last.jaw * last.presence
        self._mouth = MouthTarget(
            max(shown - _FASTEST, min(shown + _FASTEST, jaw * presence)) / presence,
            last.wide + 0.6 * (wide - last.wide),
            last.pressed + 0.7 * (pressed - last.pressed),
            presence,
        )
        return self._mouth

    def _read(self) -> tuple[float, float, float]:
        """jaw, wide and pressed from the hops around the frame's middle."""
        assert self._reference is not None
        middle = self._frame + FRAME_SAMPLES // 2 + _LEAD
        newest = (self._next_hop - HOP - middle) // HOP  # hops known after the middle
        hops = list(self._hops)
        at = len(hops) - 1 - newest
        around = [hops[i] for i in range(at - _SPREAD, at + _SPREAD + 1) if 0 <= i < len(hops)]
        weights = self._kernel[-len(around) :]
        total = sum(weights)
        jaw = wide = hiss = 0.0
        for weight, hop in zip(weights, around, strict=True):
            w = weight / total
            loud = _within((hop.level - self._reference + _OPEN_RANGE) / (_OPEN_RANGE - _OPEN_FULL))
            hissed = _within((hop.hiss_level - self._reference + _HISS_RANGE) / 10)
            height = 1 / (1 + math.exp(-(hop.height - self._height_mean) / 4))
            hop_jaw = loud**1.3 * (0.42 + 0.58 * height)
            hop_wide = math.tanh((hop.front - self._front_mean) / 10) * loud
            jaw += w * ((1 - hop.hiss) * hop_jaw + hop.hiss * 0.16 * hissed)
            wide += w * ((1 - hop.hiss) * hop_wide + hop.hiss * 0.35 * hissed)
            hiss += w * hop.hiss
        near = hops[max(0, at - 9) : at + 8]
        dip = max(hop.level for hop in near) - min(hop.level for hop in hops[max(0, at - 1) : at + 2])
        pressed = _within((dip - 14) / 9) * (1 - hiss)
        return jaw * (1 - 0.7 * pressed), wide, pressed


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
