from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tests.animators.ditto.marking import MarkingHubert, mark, marked_audio
from vcam.animators.ditto.backends.base import Tensor
from vcam.animators.ditto.features import OFFLINE_LEAD, AudioFeatures
from vcam.animators.ditto.latency import Chunking, audio_needed
from vcam.errors import AnimatorError
from vcam.media import FRAME_SAMPLES, FloatArray

CHUNKINGS = [
    Chunking(past, now, future)
    for past in (0, 2, 3, 5)
    for now in range(1, 6)
    for future in (0, 2)
    if past + now + future >= 5
]


@pytest.mark.parametrize("chunking", CHUNKINGS, ids=str)
def test_row_k_is_the_sound_of_frame_k(chunking: Chunking) -> None:
    stream = AudioFeatures(MarkingHubert(), chunking)
    audio = marked_audio(23)[:-100]
    pieces = np.split(audio, [1, 320, 321, 5000, 5001, 12345])
    rows = np.concatenate([*map(stream.push, pieces), stream.finish()])
    assert rows.shape == (23, 1024)
    assert [mark(row) for row in rows] == list(range(1, 24))


@pytest.mark.parametrize("chunking", CHUNKINGS, ids=str)
def test_a_row_comes_as_soon_as_its_window_is_complete(chunking: Chunking) -> None:
    stream, audio = AudioFeatures(MarkingHubert(), chunking), marked_audio(20)
    made = 0
    for sample in range(0, len(audio), 16):  # all sizes that matter are multiples of 16
        made += len(stream.push(audio[sample : sample + 16]))
        heard = sample + 16
        assert audio_needed(chunking, made) <= heard or made == 0
        assert audio_needed(chunking, made + 1) > heard


def test_the_reference_ends_with_a_row_for_each_frame_of_its_last_window() -> None:
    stream = AudioFeatures(MarkingHubert())
    audio = marked_audio(21)
    rows = np.concatenate([stream.push(audio), stream.finish(overshoot=True)])
    windows = -(-(len(audio) + 3 * FRAME_SAMPLES) // (5 * FRAME_SAMPLES))
    assert len(rows) == windows * 5 == 25
    assert [mark(row) for row in rows] == [*range(1, 22), 0, 0, 0, 0]


def test_the_reference_hears_a_recording_80_samples_late() -> None:
    rows = AudioFeatures(MarkingHubert(), lead=OFFLINE_LEAD).whole(marked_audio(12))
    # The first of a row's two halves begins 80 samples before the frame, in the one before it.
    assert [mark(row) for row in rows] == [k + 0.5 for k in range(12)]


def test_a_recording_gives_what_a_stream_gives() -> None:
    audio = np.random.default_rng(1).normal(size=10_000).astype(np.float32)
    stream = AudioFeatures(MarkingHubert())
    pieces = [stream.push(audio[at : at + 320]) for at in range(0, len(audio), 320)]
    np.testing.assert_array_equal(
        np.concatenate([*pieces, stream.finish()]), AudioFeatures(MarkingHubert()).whole(audio)
    )


def test_no_sound_no_rows() -> None:
    stream = AudioFeatures(MarkingHubert())
    assert stream.push(np.empty(0, np.float32)).shape == (0, 1024)
    assert stream.finish().shape == (0, 1024)


class _Offset(MarkingHubert):
    """Says something of silence too: the number of each row."""

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        rows = np.asarray(super().run(inputs)["encoding_out"])
        return {"encoding_out": rows + np.arange(len(rows), dtype=np.float32)[:, None]}


def test_silence_is_asked_for_once() -> None:
    network = _Offset()
    stream = AudioFeatures(network)
    silent = stream.silent_rows(12)
    assert [mark(row) for row in silent] == [6.5, 8.5, 10.5, 12.5, 14.5] * 2 + [6.5, 8.5]
    rows = stream.push(np.zeros(100 * FRAME_SAMPLES, np.float32))
    assert network.calls == 1
    np.testing.assert_array_equal(rows, stream.silent_rows(len(rows)))
    stream.push(np.ones(10 * FRAME_SAMPLES, np.float32))
    assert network.calls > 1


class _Short(MarkingHubert):
    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        return {"encoding_out": np.zeros((3, 1024), np.float32)}


def test_a_network_that_gives_too_little_is_named() -> None:
    with pytest.raises(AnimatorError, match="hubert"):
        AudioFeatures(_Short()).push(marked_audio(20))


def test_only_float32_samples_are_taken() -> None:
    wrong: FloatArray = np.zeros(320)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="float32"):
        AudioFeatures(MarkingHubert()).push(wrong)
