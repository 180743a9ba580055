"""How the landmark editor's page looks in a real browser: in windows of any size, in both themes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.editor_desk import OpenDesk
from tests.web.editor_hands import drag, go_to, handle

IS_ON_TOP = """button => {
  button.scrollIntoView({block: "center"});
  const {x, y, width, height} = button.getBoundingClientRect();
  return button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_nothing_sticks_out(browser: Browser, open_desk: OpenDesk, scheme: Any) -> None:
    with open_desk() as desk:
        context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        for width, height in ((1280, 800), (1920, 1080), (1024, 640), (768, 900), (390, 844), (320, 600)):
            page.set_viewport_size({"width": width, "height": height})
            go_to(page, desk)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width
            for name in ("Save avatar", "Cancel", "Undo", "Zoom in"):
                box = page.get_by_role("button", name=name).bounding_box()
                assert box is not None
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width
            for name in ("jaw.chin", "forehead", "jaw.left.0", "jaw.right.0"):
                x, y = handle(page, name)
                frame = page.locator("#frame").bounding_box()
                assert frame is not None
                assert frame["x"] < x < frame["x"] + frame["width"]
                assert frame["y"] < y < frame["y"] + frame["height"]
        context.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 360, 390, 600, 1280])
def test_no_button_lies_under_another(page: Page, open_desk: OpenDesk, width: int) -> None:
    with open_desk(notices=("There are 5 faces in the picture.",)) as desk:
        page.set_viewport_size({"width": width, "height": 800})
        go_to(page, desk)
        buttons = page.locator("button:visible").all()
        assert len(buttons) > 18
        for button in buttons:
            assert button.evaluate(IS_ON_TOP), button.inner_html()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 500, 600])
def test_the_picture_stays_where_it_is_during_the_first_drag(page: Page, open_desk: OpenDesk, width: int) -> None:
    with open_desk(name="IMG_20240501_123456789_PORTRAIT") as desk:
        page.set_viewport_size({"width": width, "height": 800})
        go_to(page, desk)
        frame = page.locator("#frame").bounding_box()
        x, y = handle(page, "nose")
        drag(page, "nose", 30, 10)
        expect(page.locator("#state")).to_have_text("Changed, not saved yet")
        assert page.locator("#frame").bounding_box() == frame
        assert handle(page, "nose") == pytest.approx((x + 30, y + 10), abs=0.6)
