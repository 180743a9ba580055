"""The speech gate: WebRTC's voice activity detector, checked against what a voice sounds like."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Final

import numpy as np
import webrtcvad

from vcam.audio.gate import HoldingGate
from vcam.audio.speech_evidence import Evidence, EvidenceFinder
from vcam.audio.vad_features import FeatureExtractor
from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, FloatArray, samples
from vcam.profile.model import GateSettings

VOTES: Final = 3  # of so many WebRTC verdicts one must be "speech"
SIBILANT_MS: Final = 200  # how long an s may last until its vowel comes
ASPIRATION_MS: Final = 100  # the same for p, t, k
RETRY_MS: Final = 200  # how long it must be still after a consonant that had no vowel
TAIL_MS: Final = 100  # how long after the last voiced sound a consonant still belongs to the word


class _State(Enum):
    CLOSED = auto()
    ON_TRIAL = auto()  # open for what may be a consonant before a vowel
    OPEN = auto()


class WebRtcGate(HoldingGate):
    """Opens for what WebRTC's detector *and* the evidence of a voice call speech.

    The verdict on a chunk falls up to ``hold`` after it, so that the onset is judged by the vowel that follows.
    What looks like a consonant opens it on trial: if no voice follows, it closes at once, without hangover.
    Whispering has no voice and does not open it for long. About 0.15 ms of one core a chunk.
    """

    def __init__(self, settings: GateSettings, hold: int) -> None:
        super().__init__(hold)
        self._settings = settings
        self._pre_roll = _chunks(settings.pre_roll_ms)
        # A voiced verdict is already about 40 ms, two chunks.
        self._attack = max(1, _chunks(settings.attack_ms) - 1)
        self._hangover = _chunks(settings.hangover_ms)
        self._features = FeatureExtractor()
        self._evidence = EvidenceFinder()
        self._votes: deque[bool] = deque(maxlen=VOTES)
        self._forget()

    def _forget(self) -> None:
        self._vad = webrtcvad.Vad(self._settings.aggressiveness)
        self._features.reset()
        self._evidence.reset()
        self._votes.clear()
        self._state = _State.CLOSED
        self._voiced_run = 0
        self._trial_left = 0
        self._retry_in = 0
        self._since_voiced = 0
        self._since_speech = 0

    def _judge(self, sound: FloatArray) -> int:
        sound = np.nan_to_num(sound, posinf=1.0, neginf=-1.0)  # one broken sample must not deafen the gate for good
        features = self._features.push(sound)
        evidence = self._evidence.push(features)
        self._votes.append(self._vad.is_speech(_as_int16(sound), SAMPLE_RATE))
        if features.level < self._settings.min_level_dbfs:
            evidence = Evidence()
        self._voiced_run = self._voiced_run + 1 if evidence.certain or (evidence.voiced and any(self._votes)) else 0

        if self._state is _State.OPEN:
            return self._stay_open(evidence)
        if self._voiced_run >= self._attack:
            was_closed = self._state is _State.CLOSED
            self._state = _State.OPEN
            self._since_voiced = self._since_speech = 0
            return 1 + self._pre_roll if was_closed else 1
        if self._state is _State.ON_TRIAL:
            return self._stay_on_trial()
        return self._start_trial(evidence)

    def _stay_open(self, evidence: Evidence) -> int:
        self._since_voiced += 1
        self._since_speech += 1
        if evidence.goes_on:
            self._since_voiced = self._since_speech = 0
        elif (evidence.consonant or (evidence.audible and self._votes[-1])) and self._since_voiced <= _chunks(TAIL_MS):
            self._since_speech = 0
        if self._since_speech <= self._hangover:
            return 1
        self._state = _State.CLOSED
        return 0

    def _stay_on_trial(self) -> int:
        self._trial_left -= 1
        if self._trial_left > 0 or self._voiced_run:
            return 1
        self._state = _State.CLOSED
        self._retry_in = _chunks(RETRY_MS)
        return 0

    def _start_trial(self, evidence: Evidence) -> int:
        if not evidence.consonant:
            self._retry_in = max(0, self._retry_in - 1)
        elif self._retry_in:
            self._retry_in = _chunks(RETRY_MS)
        elif evidence.sibilant or any(self._votes):
            self._state = _State.ON_TRIAL
            self._trial_left = _chunks(SIBILANT_MS if evidence.sibilant else ASPIRATION_MS)
            return 1 + self._pre_roll
        return 0


def _chunks(milliseconds: int) -> int:
    """Rounded up."""
    return -(-samples(milliseconds) // CHUNK_SAMPLES)


def _as_int16(sound: FloatArray) -> bytes:
    return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
