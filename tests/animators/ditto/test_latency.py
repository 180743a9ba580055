from __future__ import annotations

import pytest

from vcam.animators.ditto.latency import Chunking, algorithmic_latency, audio_needed, valid_frames
from vcam.errors import AnimatorError
from vcam.media import ms


@pytest.mark.parametrize(
    ("overlap", "chunk", "first", "most"),
    [
        # as recorded of the reference (the conformance data's table): ms until the first frame,
        (70, (3, 5, 2), 885, 885),
        (75, (3, 5, 2), 485, 485),
        # where the reference waits for batches and comes later and later: at first as here
        (70, (2, 3, 2), 1045, 1285),
        (75, (2, 3, 2), 565, 685),
        # by the rule
        (78, (3, 2, 2), 245, 245),
        (79, (3, 1, 2), 165, 165),
    ],
)
def test_it_is_what_was_recorded(overlap: int, chunk: tuple[int, int, int], first: int, most: int) -> None:
    chunking = Chunking(*chunk)
    rows = 2 * valid_frames(overlap)
    needed, promised = ms(audio_needed(chunking, rows)), ms(algorithmic_latency(chunking, overlap))
    assert needed <= promised <= most
    if chunking.now in (1, 2, 5):  # divides the clip's step
        assert needed == promised == first
    else:
        assert needed <= first


def test_it_never_gets_worse_than_a_chunk_more() -> None:
    for now in range(1, 12):
        for overlap in range(40, 80):
            chunking = Chunking(3, now, 2)
            valid = valid_frames(overlap)
            least = 2 * valid * 40 + 2 * 40 + 5
            latency = ms(algorithmic_latency(chunking, overlap))
            assert least <= latency <= least + (now - 1) * 40
            if valid % now == 0:
                assert latency == least


@pytest.mark.parametrize("overlap", [0, 10, 39, 80, 100])
def test_overlaps_that_lose_frames_are_refused(overlap: int) -> None:
    with pytest.raises(AnimatorError, match=f"overlap of {overlap} frames cannot be used live"):
        algorithmic_latency(Chunking(), overlap)


@pytest.mark.parametrize("chunk", [(3, 0, 2), (-1, 5, 2), (1, 2, 1), (10, 10, 1), (3, 5, -1)])
def test_chunks_that_no_network_takes_are_refused(chunk: tuple[int, int, int]) -> None:
    with pytest.raises(AnimatorError, match="cannot be used"):
        Chunking(*chunk)
