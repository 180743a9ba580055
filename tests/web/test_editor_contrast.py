"""Whether all that the landmark editor's page says can be read in both themes, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.web.contrast import too_faint
from tests.web.editor_desk import OpenDesk
from tests.web.editor_hands import choose, drag, go_to


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_all_words_and_controls_stand_out(browser: Browser, open_desk: OpenDesk, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    with open_desk(stored=True, notices=("There are 5 faces in the picture; see `vcam avatar edit`.",)) as desk:
        go_to(page, desk)
        expect(page.locator("#state")).to_have_text("As saved")
        assert too_faint(page) == []
        choose(page, "Mouth")
        drag(page, "mouth.lower_outer.middle", 0, 5)
        expect(page.locator("#state")).to_have_text("Unsaved changes")
        page.get_by_text("Move both sides alike").click()
        page.keyboard.press("h")
        assert too_faint(page) == []
        desk.trouble = "The disk is full; see `df`."
        page.get_by_role("button", name="Save avatar").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        assert too_faint(page) == []
        page.get_by_role("button", name="Keep editing").click()
        desk.trouble = ""
        page.get_by_role("button", name="Save avatar").click()
        expect(page.get_by_role("heading", name="me is saved")).to_be_visible()
        assert too_faint(page) == []
    context.close()
