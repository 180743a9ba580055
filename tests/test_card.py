from __future__ import annotations

import numpy as np
import pytest

from vcam.card import BACK, draw_card


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (160, 120), (720, 1280), (3840, 2160)])
def test_the_card_is_a_picture_of_the_camera_s_size_with_words_in_the_middle(width: int, height: int) -> None:
    card = draw_card(width, height)
    assert (card.width, card.height) == (width, height)
    assert card.i420.flags.c_contiguous
    luma = card.i420[:height].astype(int)
    bright = np.argwhere(luma > 150)
    assert len(bright) > 20
    rows, columns = bright[:, 0], bright[:, 1]
    assert columns.min() + columns.max() == pytest.approx(width, abs=0.03 * width)
    assert columns.min() > 0.05 * width
    assert 0.4 * height < rows.min() < rows.max() < 0.65 * height
    assert luma[0, 0] == pytest.approx(16 + 219 * (0.299 * BACK[0] + 0.587 * BACK[1] + 0.114 * BACK[2]) / 255, abs=2)


def test_other_words_in_other_letters() -> None:
    assert np.any(draw_card(320, 240, "Gleich zurück").i420 != draw_card(320, 240).i420)
