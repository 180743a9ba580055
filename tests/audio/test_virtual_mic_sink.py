"""When those who listen to vcam's microphone hear what was put into it, against when the sink says so."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np
import pytest

from tests.pulse import PulseServer
from vcam.audio import virtual_mic
from vcam.audio.outputs import VirtualMicSink
from vcam.selftest.loopback import Recorder

pytestmark = pytest.mark.audio

CLICKS = 6
TRIES = 6
EVERY = 35  # blocks


@pytest.fixture
def sink(sound_server: PulseServer) -> Iterator[VirtualMicSink]:
    sink = VirtualMicSink()
    sink.open()
    yield sink
    sink.close()
    sink.discard()


def test_it_says_when_others_have_the_sound(sink: VirtualMicSink) -> None:
    """Nearer than the block by which the server's own word is off; how near depends on where in it a block begins.

    On a busy machine that word drifts by up to 20 ms over seconds: one undisturbed measurement of several will do.
    """
    assert virtual_mic.sink_block() == pytest.approx(0.010)
    measured: list[float] = []
    while len(measured) < TRIES and not any(abs(late) < 0.008 for late in measured):
        if measured:
            sink.open()
        measured.append(lateness(sink))
    assert min(map(abs, measured)) < 0.008, measured


def lateness(sink: VirtualMicSink) -> float:
    """Seconds by which the sink tells of clicks later than they are recorded, the median of a few."""
    silent = np.zeros(sink.frames, np.float32)
    click = silent.copy()
    click[:48] = 0.9
    said: list[float] = []
    number = 0
    with Recorder(virtual_mic.SOURCE) as others:
        for _ in range(3):
            sink.put(-1, silent)
        while len(said) < CLICKS:
            heard = sink.wait(1.0)
            assert heard is not None
            if heard.number is None:
                continue
            if heard.number > 0 and heard.number % EVERY == 0:
                said.append(heard.at)
            sink.put(number, click if number % EVERY == 0 and number else silent)
            number += 1
        for _ in range(10):
            sink.wait(1.0)
        found = others.clicks()
    return statistics.median(min((at - other for other in found), key=abs) for at in said)


def test_a_sink_that_is_not_there_has_no_block(pulse: PulseServer) -> None:
    assert virtual_mic.sink_block("speakers") == 0.0
