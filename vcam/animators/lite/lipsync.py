"""From sound to mouth by a small recurrent network, trained by ``scripts/train_lipsync.py``.

Levelled log-mel hops every 10 ms, without late reflections; each 20 ms one step over six: two convolutions along
the spectrum (Abdel-Hamid et al., 2014: a sound is the same a little higher), a dense layer, layers of long short-term
memory (Hochreiter & Schmidhuber, 1997; Gers et al., 2000), six outputs. What is shown in a frame depends on nothing
later than 60 ms after its end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from vcam.audio.logmel import BANDS, HOP, LogMel
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, FloatArray, samples, silence
from vcam.smoothstep import smoothstep

OUTPUTS = ("jaw", "wide", "pressed", "teeth", "tongue", "presence")
STEP = samples(20)
STACK = 6  # hops a step sees anew
CONVOLUTIONS = ((8, 4), (3, 2))  # width and stride of each: in bands, in places of the one before
BEHIND = 1  # steps that a row is told later than its own: with what follows, closures are told from echoes
FUTURE = STACK * HOP + BEHIND * STEP  # past an instant: the newest sound that its mouth depends on
LOOK_AHEAD = FUTURE - FRAME_SAMPLES // 2  # past a frame's end, as its mouth is that of its middle
_IDLE_AFTER = 50  # chunks
_CATCH_UP = 15  # chunks
_EASE = 3  # frames from the mouth before a reset to the one after it


@dataclass(frozen=True, slots=True)
class Mouth:
    """What a frame's mouth does.

    ``jaw`` 0 closed to 1 open; ``wide`` -1 round to 1 wide; ``pressed`` 0..1 lips on each other (m b p); ``presence`` 0
    silent to 1 speaking (eased), which the drawing multiplies into the others; ``teeth`` 0..1 lower lip at the upper
    teeth (f v); ``tongue`` 0..1 its tip up and seen (l th).
    """

    jaw: float = 0.0
    wide: float = 0.0
    pressed: float = 0.0
    presence: float = 0.0
    teeth: float = 0.0
    tongue: float = 0.0


@lru_cache(maxsize=1)
def _shipped() -> dict[str, FloatArray]:
    with files("vcam").joinpath("assets/lipsync.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return unpacked({name: arrays[name] for name in arrays.files})


def unpacked(arrays: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, FloatArray]:
    """float32 weights from those of a file: int8 matrices times the ``.scale`` of each row, float16 vectors."""
    weights = {name: array.astype(np.float32) for name, array in arrays.items()}
    for name in [name for name in weights if name.endswith(".scale")]:
        weights[name.removesuffix(".scale")] *= weights.pop(name)[:, None]
    return weights


class LipNet:
    """The network over a stream of sound at 16 kHz: samples in, rows in the order of ``OUTPUTS`` out."""

    def __init__(self, weights: dict[str, FloatArray] | None = None) -> None:
        """``weights`` float32 by name as ``unpacked`` gives them; the shipped ones by default."""
        w = self._weights = weights if weights is not None else _shipped()
        count = sum(name.startswith("lstm.weight_hh") for name in w)
        self._layers = [
            (  # of the four gates, for what comes in and the state before, which are put together
                np.concatenate([w[f"lstm.weight_ih_l{i}"], w[f"lstm.weight_hh_l{i}"]], 1),
                w[f"lstm.bias_ih_l{i}"] + w[f"lstm.bias_hh_l{i}"],
            )
            for i in range(count)
        ]
        self._convolutions = [(w[f"conv.{i}.weight"].T, w[f"conv.{i}.bias"]) for i in range(len(CONVOLUTIONS))]
        self._mel = LogMel()
        self.reset()

    def reset(self) -> None:
        """As new."""
        self._mel.reset()
        self._hops: FloatArray = np.zeros((0, BANDS), np.float32)
        self._states = [np.zeros((2, len(bias) // 4), np.float32) for _, bias in self._layers]  # and their cells
        self._early = BEHIND  # rows to come that are of before the first instant

    def push(self, sound: FloatArray) -> FloatArray:
        """float32 [n, 6]: the instants 0, 320, 640 ... whose sound up to ``FUTURE`` later is now known."""
        self._hops = np.concatenate([self._hops, self._mel.push(sound)])
        count = max(0, (len(self._hops) - STACK) // 2 + 1)
        rows = np.empty((count, len(OUTPUTS)), np.float32)
        for i in range(count):
            rows[i] = self._step(self._hops[2 * i : 2 * i + STACK])
        self._hops = self._hops[2 * count :]
        early = min(self._early, count)
        self._early -= early
        return rows[early:]

    def _step(self, hops: FloatArray) -> FloatArray:
        w = self._weights
        x, channels = hops.T.reshape(-1), STACK  # band by band
        for (weight, bias), (_, stride) in zip(self._convolutions, CONVOLUTIONS, strict=True):
            places = np.lib.stride_tricks.sliding_window_view(x, len(weight))[:: stride * channels]
            x, channels = np.maximum(places @ weight + bias, np.float32(0)).reshape(-1), len(bias)
        x = np.maximum(w["input.weight"] @ x + w["input.bias"], np.float32(0))
        for state, (weight, bias) in zip(self._states, self._layers, strict=True):
            into, forget, new, out = (weight @ np.concatenate([x, state[0]]) + bias).reshape(4, -1)
            state[1] = _sigmoid(forget) * state[1] + _sigmoid(into) * np.tanh(new)
            state[0] = x = _sigmoid(out) * np.tanh(state[1])
        y = w["output.weight"] @ x + w["output.bias"]
        mouth = _sigmoid(y)
        mouth[1] = np.tanh(y[1])
        return mouth


def _sigmoid(x: npt.NDArray[np.float32]) -> FloatArray:
    half = np.float32(0.5)
    return half * np.tanh(half * x) + half  # no overflow, unlike 1 / (1 + exp(-x))


class LipSync:
    """Streaming: chunks in, one :class:`Mouth` for each 40 ms frame out.

    Takes the ungated sound (``ahead``) whatever the gate says, so that the network never hears a cut; the gate's
    verdict only eases the presence. Chunks must carry at least ``look_ahead`` samples ``ahead``; what lacks counts as
    silence.
    """

    look_ahead = LOOK_AHEAD

    def __init__(self) -> None:
        self._net = LipNet()
        self._mouth = Mouth()
        self._ramp = 0.0
        self.reset(0)

    def reset(self, pts: int) -> None:
        """Forget the sound; frames go on from ``pts``, and the mouth eases from where it is."""
        self._net.reset()
        self._expected = pts  # PTS of the next chunk
        self._frame = pts  # PTS of the next frame
        self._instant = pts  # PTS of the next row
        self._rows: list[FloatArray] = []
        self._heard = False
        self._quiet = 0  # chunks in a row that are not speech
        self._unheard: deque[FloatArray] = deque(maxlen=_CATCH_UP)  # what the network has not been given
        self._eased = 0

    def push(self, chunk: AudioChunk) -> list[tuple[int, Mouth]]:
        """Take 20 ms; give (PTS, mouth) of the frames that are now complete.

        Raises ValueError if the chunk does not follow the last one, or the PTS of the last reset.
        """
        if chunk.pts != self._expected:
            raise ValueError(f"the chunk at {chunk.pts} does not follow {self._expected}: call reset() after a gap")
        self._expected = chunk.end
        ahead = chunk.ahead[:LOOK_AHEAD]
        if len(ahead) < LOOK_AHEAD:
            ahead = np.concatenate([ahead, silence(LOOK_AHEAD - len(ahead))])
        sound = ahead[-CHUNK_SAMPLES:] if self._heard else np.concatenate([chunk.samples, ahead])
        self._heard = True
        self._rows.extend(self._listen(sound, chunk.speech))
        mouths = []
        while chunk.end >= self._frame + FRAME_SAMPLES:
            mouths.append((self._frame, self._shape(chunk.speech)))
            self._frame += FRAME_SAMPLES
        return mouths

    def _listen(self, sound: FloatArray, speech: bool) -> FloatArray:
        """The network's rows; after a second without speech lips at rest instead, which costs next to nothing."""
        self._quiet = 0 if speech else self._quiet + 1
        if self._quiet > _IDLE_AFTER:
            self._unheard.append(sound)
            return np.zeros((1, len(OUTPUTS)), np.float32)
        if self._unheard:
            self._net.push(np.concatenate(self._unheard))  # so that it knows what came just before
            self._unheard.clear()
        return self._net.push(sound)

    def _shape(self, speech: bool) -> Mouth:
        """The mouth at the middle of the frame at ``self._frame``."""
        at = (self._frame + FRAME_SAMPLES // 2 - self._instant) // STEP
        jaw, wide, pressed, teeth, tongue, heard = self._rows[at].tolist()
        self._instant += STEP * (at + 1)
        del self._rows[: at + 1]
        self._ramp = min(1.0, self._ramp + 0.5) if speech else max(0.0, self._ramp - 1 / 3)
        presence = smoothstep(self._ramp) * smoothstep((heard - 0.2) / 0.4)
        mouth = Mouth(jaw, wide, pressed, presence, teeth, tongue)
        if self._eased < _EASE:
            self._eased += 1
            part = self._eased / _EASE
            pairs = zip(astuple(self._mouth), astuple(mouth), strict=True)
            mouth = Mouth(*(old + part * (new - old) for old, new in pairs))
        self._mouth = mouth
        return mouth
