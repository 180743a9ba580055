"""The speech gate: WebRTC's voice activity detector, checked against what a voice sounds like."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum, auto
from typing import Final

import numpy as np
import webrtcvad

from vcam.audio.gate import HoldingGate
from vcam.audio.speech_evidence import Evidence, EvidenceFinder
from vcam.audio.vad_features import FeatureExtractor, level
from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, FloatArray, samples
from vcam.profile.model import GateSettings

VOTES: Final = 3  # of so many WebRTC verdicts one must be "speech"
SIBILANT_MS: Final = 200  # how long an s may last until its vowel comes
ASPIRATION_MS: Final = 100  # the same for p, t, k
RETRY_MS: Final = 200  # how long it must be still after a consonant that had no vowel
PROOF_CHUNKS: Final = 3  # of voice; what has had fewer may be a mistake ...
DOUBTFUL_HANGOVER_MS: Final = 120  # ... and ends sooner
CONSONANT_TAIL_MS: Final = 100  # how long after the last voiced sound a consonant still belongs to the word
SOUND_TAIL_MS: Final = 60  # the same for what else is heard

BACKLOG: Final = 8  # chunks under the least level that are put off: about 1 ms of work when a voice comes

NONE: Final = range(0)
NEWEST: Final = range(1)


class _State(Enum):
    CLOSED = auto()
    ON_TRIAL = auto()  # open for what may be a consonant before a vowel
    OPEN = auto()


class WebRtcGate(HoldingGate):
    """Opens for what WebRTC's detector *and* the evidence of a voice call speech.

    The verdict on a chunk falls up to ``hold`` after it, so that the onset is judged by the vowel that follows.
    What looks like a consonant opens it on trial: if no voice follows, it closes at once, without hangover. So does
    what hints at a voice, for some tens of ms. On trial only the chunk that cannot wait any longer is passed, so that
    a mistake costs no more than it lasted; when the voice comes, the rest that is held follows.
    A voice takes some 40 ms to recognise: a shorter attack acts as 40, and after a longer one hints do not count.
    Whispering has no voice and does not open it for long. About 0.15 ms of one core a chunk.
    """

    def __init__(self, settings: GateSettings, hold: int) -> None:
        super().__init__(hold)
        self._settings = settings
        self._pre_roll = _chunks(settings.pre_roll_ms)
        self._due = range(self._pre_roll, self._pre_roll + 1)  # what cannot wait any longer for a verdict
        # A voiced verdict is already about 40 ms, two chunks.
        self._attack = max(1, _chunks(settings.attack_ms) - 1)
        self._hangover = _chunks(settings.hangover_ms)
        self._features = FeatureExtractor()
        self._evidence = EvidenceFinder()
        self._votes: deque[bool] = deque(maxlen=VOTES)
        self._unheard: deque[FloatArray] = deque()  # too quiet for speech: put off, as most of it needs less work then
        self._forget()

    def _forget(self) -> None:
        self._vad = webrtcvad.Vad(self._settings.aggressiveness)
        self._features.reset()
        self._evidence.reset()
        self._votes.clear()
        self._unheard.clear()
        self._state = _State.CLOSED
        self._voiced_run = 0
        self._trial_left = 0
        self._retry_in = 0
        self._since_voiced = 0
        self._since_speech = 0
        self._hint_left = 0
        self._voiced_chunks = 0

    def _judge(self, sound: FloatArray) -> range:
        loud = level(sound)
        if not math.isfinite(loud):  # one broken sample must not deafen the gate for good
            sound = np.nan_to_num(sound, posinf=1.0, neginf=-1.0)
            loud = level(sound)
        self._unheard.append(sound)
        if loud >= self._settings.min_level_dbfs:
            evidence = self._listen()
        else:  # no speech, whatever it sounds like
            evidence = Evidence()
            if len(self._unheard) > BACKLOG:
                self._follow()
        self._voiced_run = self._voiced_run + 1 if evidence.certain or (evidence.voiced and any(self._votes)) else 0

        if self._state is _State.OPEN:
            return self._stay_open(evidence)
        if self._voiced_run >= self._attack:
            self._state = _State.OPEN
            self._since_voiced = self._since_speech = 0
            self._voiced_chunks = self._voiced_run
            return range(1 + self._pre_roll)
        if self._state is _State.ON_TRIAL:
            return self._stay_on_trial()
        return self._start_trial(evidence)

    def _follow(self) -> None:
        """Catch up with chunks that are too long ago to be evidence of anything."""
        while len(self._unheard) >= EvidenceFinder.REACH:
            sound = self._unheard.popleft()
            self._vote(sound)
            self._features.follow(sound)

    def _listen(self) -> Evidence:
        """Catch up with the rest too; the evidence of the newest chunk."""
        newest = self._unheard.pop()
        self._follow()
        for sound in self._unheard:
            self._vote(sound)
            self._evidence.push(self._features.push(sound))
        self._unheard.clear()
        self._vote(newest)
        return self._evidence.push(self._features.push(newest))

    def _vote(self, sound: FloatArray) -> None:
        self._votes.append(self._vad.is_speech(_as_int16(sound), SAMPLE_RATE))

    def _stay_open(self, evidence: Evidence) -> range:
        self._since_voiced += 1
        self._since_speech += 1
        if evidence.goes_on:
            self._voiced_chunks += 1
            self._since_voiced = self._since_speech = 0
        else:
            tail = CONSONANT_TAIL_MS if evidence.consonant else SOUND_TAIL_MS * (evidence.audible and self._votes[-1])
            if self._since_voiced <= _chunks(tail):
                self._since_speech = 0
        doubtful = self._voiced_chunks < PROOF_CHUNKS
        if self._since_speech <= (min(self._hangover, _chunks(DOUBTFUL_HANGOVER_MS)) if doubtful else self._hangover):
            return NEWEST
        self._state = _State.CLOSED
        return NONE

    def _stay_on_trial(self) -> range:
        self._trial_left -= 1
        if self._trial_left > 0 or self._voiced_run:
            return self._due
        self._state = _State.CLOSED
        self._retry_in = _chunks(RETRY_MS)
        return NONE

    def _start_trial(self, evidence: Evidence) -> range:
        self._hint_left = max(0, self._hint_left - 1)
        if self._attack == 1 and any(self._votes):
            self._hint_left = max(self._hint_left, evidence.hint)
        if not evidence.consonant:
            self._retry_in = max(0, self._retry_in - 1)
        elif self._retry_in:
            self._retry_in = _chunks(RETRY_MS)
        elif evidence.sibilant or any(self._votes):
            self._state = _State.ON_TRIAL
            self._trial_left = _chunks(SIBILANT_MS if evidence.sibilant else ASPIRATION_MS)
            return self._due
        return self._due if self._hint_left > 0 else NONE


def _chunks(milliseconds: int) -> int:
    """Rounded up."""
    return -(-samples(milliseconds) // CHUNK_SAMPLES)


def _as_int16(sound: FloatArray) -> bytes:
    return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
