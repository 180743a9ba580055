"""The landmark editor's page, in a real browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.web.editor_desk import OpenDesk, points_of, rounded
from tests.web.editor_hands import choose, drag, go_to, handle, waiting
from vcam.animators.lite.photo import Landmarks
from vcam.web.editor import visitors
from vcam.web.editor.preview import CLOSE_UP
from vcam.web.editor.subject import Outcome

PICTURE = """() => {
  const image = document.getElementById("stream");
  if (!image.naturalWidth) return null;
  const canvas = new OffscreenCanvas(160, 90);
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(image, 0, 0, 160, 90);
  return Array.from(context.getImageData(0, 0, 160, 90).data);
}"""


def words_of(point: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in point)


def preview(page: Page) -> Any:
    data = page.evaluate(PICTURE)
    return None if data is None else np.array(data, int)


def difference(a: Any, b: Any) -> float:
    return float(np.abs(a - b).mean())


@pytest.mark.browser
def test_a_point_is_dragged_and_the_preview_follows(page: Page, open_desk: OpenDesk, proposal: Landmarks) -> None:
    with open_desk() as desk:
        complaints = go_to(page, desk)
        waiting(page, lambda: preview(page) is not None, "the preview is there")
        page.get_by_role("button", name="Listening").click()
        choose(page, "Face")
        before = preview(page)
        drag(page, "forehead", 0, 90)
        expect(page.locator("#state")).to_have_text("Changed, not saved yet")
        expect(page.locator("#chosen")).to_have_text("Hairline")
        lower = proposal.forehead[1] + 20
        waiting(page, lambda: points_of(desk)["forehead"][1] > lower, "the server has the new hairline")
        waiting(page, lambda: desk.built[-1].forehead[1] > lower, "the avatar is made with it")
        # A shorter face is shown larger, so all of the picture changes.
        waiting(page, lambda: difference(preview(page), before) > 8, "the preview shows it")

        page.get_by_role("button", name="Save avatar").click()
        expect(page.get_by_role("heading", name="me is saved")).to_be_visible()
        expect(page.locator("#end code")).to_have_text("vcam switch me")
        assert desk.outcome().landmarks is desk.stored[0]
        assert desk.stored[0].forehead[1] > lower
        assert desk.stored[0].forehead[0] == pytest.approx(proposal.forehead[0], abs=1)
    assert complaints.texts == []


@pytest.mark.browser
def test_the_preview_can_be_seen_as_in_a_call_and_says_when_it_fails(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        waiting(page, lambda: preview(page) is not None, "the preview is there")
        assert desk.zooms == [CLOSE_UP]
        nearer = page.get_by_role("button", name="Preview the face alone")
        nearer.click()
        expect(nearer).to_have_attribute("aria-pressed", "false")
        waiting(page, lambda: desk.zooms == [CLOSE_UP, 1.0], "the whole picture is shown")
        desk.trouble = "This face is out of reach."
        nearer.click()
        expect(page.get_by_role("alert")).to_contain_text("This face is out of reach.")
        expect(page.get_by_role("button", name="Save avatar")).to_be_enabled()
        desk.trouble = ""
        page.reload()
        expect(nearer).to_have_attribute("aria-pressed", "true")
        nearer.click()
        waiting(page, lambda: desk.zooms[-1] == 1.0, "the preview goes on")
        expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.browser
def test_both_sides_move_alike_unless_told_otherwise(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        choose(page, "Brows")
        first = points_of(desk)
        left, right = handle(page, "brow_left.outer"), handle(page, "brow_right.outer")
        drag(page, "brow_left.outer", -20, -12)
        now_left, now_right = handle(page, "brow_left.outer"), handle(page, "brow_right.outer")
        assert (now_left[0] - left[0], now_left[1] - left[1]) == pytest.approx((-20, -12), abs=0.6)
        assert (now_right[0] - right[0], now_right[1] - right[1]) == pytest.approx((20, -12), abs=1.5)
        page.keyboard.press("s")
        drag(page, "brow_left.outer", 0, 12)
        assert handle(page, "brow_right.outer") == pytest.approx(now_right, abs=0.1)

        page.keyboard.press("Control+z")
        assert handle(page, "brow_left.outer") == pytest.approx(now_left, abs=0.1)
        page.keyboard.press("Control+Shift+z")
        assert handle(page, "brow_left.outer") == pytest.approx((now_left[0], now_left[1] + 12), abs=0.6)
        page.get_by_role("button", name="Brows back to the proposal").click()
        waiting(page, lambda: points_of(desk) == first, "all is as it was proposed")
        expect(page.get_by_role("button", name="Undo")).to_be_enabled()


@pytest.mark.browser
def test_an_iris_keeps_its_size_when_it_moves_and_its_edge_sets_that_of_both(page: Page, open_desk: OpenDesk) -> None:
    def radius(points: dict[str, Any], side: str) -> float:
        return float(np.hypot(*np.subtract(points[f"eye_{side}.rim"], points[f"eye_{side}.iris"])))

    with open_desk() as desk:
        go_to(page, desk)
        choose(page, "Eyes")
        first = points_of(desk)
        drag(page, "eye_left.iris", 14, 0)
        waiting(page, lambda: points_of(desk)["eye_left.iris"] != first["eye_left.iris"], "the iris has moved")
        assert radius(points_of(desk), "left") == pytest.approx(radius(first, "left"), abs=0.05)
        drag(page, "eye_left.rim", 10, 0)
        waiting(page, lambda: radius(points_of(desk), "left") > radius(first, "left") + 0.3, "the iris has grown")
        grown = points_of(desk)
        assert radius(grown, "right") == pytest.approx(radius(grown, "left"), abs=0.05)


@pytest.mark.browser
def test_lips_that_touch_are_one_line_until_they_are_parted(
    page: Page, open_desk: OpenDesk, proposal: Landmarks
) -> None:
    closed = dict(proposal.points())
    for part in ("left", "middle", "right"):
        closed[f"mouth.lower_inner.{part}"] = closed[f"mouth.upper_inner.{part}"]
    with open_desk(landmarks=Landmarks.from_points(closed)) as desk:
        go_to(page, desk)
        choose(page, "Mouth")
        drag(page, "mouth.upper_inner.middle", 0, 6)
        expect(page.locator("#chosen")).to_have_text("Where the lips meet, in the middle")
        waiting(
            page,
            lambda: points_of(desk)["mouth.lower_inner.middle"][1] > closed["mouth.lower_inner.middle"][1],
            "both lips have moved",
        )
        points = points_of(desk)
        assert points["mouth.lower_inner.middle"] == points["mouth.upper_inner.middle"]
        page.get_by_text("Mouth is closed").click()
        expect(page.locator('.point[data-name="mouth.lower_inner.middle"]')).to_be_visible()
        x, y = handle(page, "mouth.lower_inner.middle")
        assert y > handle(page, "mouth.upper_inner.middle")[1] + 3
        drag(page, "mouth.lower_inner.middle", 0, 8)
        assert handle(page, "mouth.lower_inner.middle") == pytest.approx((x, y + 8), abs=0.6)


@pytest.mark.browser
def test_everything_can_be_done_from_the_keyboard(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        first = points_of(desk)
        page.get_by_role("radio", name="All").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("radio", name="Eyes")).to_have_attribute("aria-checked", "true")
        eye = page.get_by_role("button", name="Left eye: outer corner")
        eye.focus()
        expect(page.locator(".chip")).to_have_text("Left eye: outer corner")
        for _ in range(3):
            page.keyboard.press("ArrowUp")
        page.keyboard.press("Shift+ArrowLeft")
        waiting(page, lambda: points_of(desk)["eye_left.outer"][0] == first["eye_left.outer"][0] - 10, "it moved")
        assert points_of(desk)["eye_left.outer"][1] < first["eye_left.outer"][1]
        page.keyboard.press("Tab")
        expect(page.locator("#chosen")).to_have_text("Left eye: upper lid")
        page.keyboard.press("Shift+Tab")
        expect(page.locator("#chosen")).to_have_text("Left eye: outer corner")
        page.keyboard.press("Control+z")  # nudges in quick succession are one step
        waiting(page, lambda: points_of(desk) == first, "all nudges are undone")
        page.keyboard.press("h")
        expect(page.get_by_role("button", name="Hide the points")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("Control+s")
        expect(page.get_by_role("heading", name="me is saved")).to_be_visible()


@pytest.mark.browser
def test_the_picture_is_zoomed_and_moved_without_the_points(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        first = points_of(desk)
        page.keyboard.press("0")
        whole = handle(page, "nose")
        page.mouse.move(whole[0], whole[1] + 30)
        page.mouse.wheel(0, -400)
        waiting(page, lambda: handle(page, "nose")[1] < whole[1] - 5, "it is larger around the pointer")
        near = handle(page, "nose")
        page.mouse.move(120, 620)
        page.mouse.down()
        page.mouse.move(170, 600)
        page.mouse.up()
        assert handle(page, "nose") == pytest.approx((near[0] + 50, near[1] - 20), abs=0.6)
        page.keyboard.press("0")
        assert handle(page, "nose") == pytest.approx(whole, abs=0.6)
        assert points_of(desk) == first


@pytest.mark.browser
def test_hidden_points_cannot_be_moved(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        page.emulate_media(reduced_motion="no-preference")  # nor while they fade
        first = points_of(desk)
        nose = page.get_by_role("button", name="Tip of the nose")
        nose.focus()
        page.keyboard.press("h")
        page.keyboard.press("ArrowRight")
        expect(nose).to_have_count(0)  # nor is it read out
        for _ in range(40):
            page.keyboard.press("Tab")
            assert page.evaluate("() => document.activeElement.closest('.point')") is None
        x, y = handle(page, "nose")
        drag(page, "nose", 60, 30)
        assert handle(page, "nose") == pytest.approx((x + 60, y + 30), abs=0.6)
        page.wait_for_timeout(200)
        assert points_of(desk) == first
        page.keyboard.press("h")
        drag(page, "nose", 20, 0)
        expect(page.locator("#chosen")).to_have_text("Tip of the nose")
        waiting(page, lambda: points_of(desk) != first, "it can be moved again")


@pytest.mark.browser
def test_the_keyboard_goes_on_at_the_point_where_it_was_before_they_were_hidden(
    page: Page, open_desk: OpenDesk
) -> None:
    with open_desk() as desk:
        complaints = go_to(page, desk)
        first = points_of(desk)
        page.get_by_role("button", name="Tip of the nose").focus()
        page.keyboard.press("h")
        expect(page.locator(".chip")).to_be_hidden()
        page.keyboard.press("h")
        expect(page.locator(".chip")).to_have_text("Tip of the nose")
        page.keyboard.press("Shift+ArrowRight")
        waiting(page, lambda: points_of(desk)["nose"][0] == first["nose"][0] + 10, "it moved")
        page.keyboard.press("h")
        choose(page, "Eyes")
        page.locator("#hint").click()
        page.keyboard.press("h")  # now there is no point to go back to
        expect(page.locator(".chip")).to_be_hidden()
    assert complaints.texts == []


@pytest.mark.browser
def test_a_hand_on_a_point_keeps_it_when_the_picture_is_zoomed(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        x, y = handle(page, "forehead")
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 40, y + 40)
        before = page.locator("#zoom").inner_text()
        page.mouse.wheel(0, -600)
        expect(page.locator("#zoom")).not_to_have_text(before)
        page.mouse.move(x + 41, y + 42)
        assert handle(page, "forehead") == pytest.approx((x + 41, y + 42), abs=0.6)
        page.mouse.up()
        assert handle(page, "forehead") == pytest.approx((x + 41, y + 42), abs=0.6)


@pytest.mark.browser
def test_nothing_is_undone_under_a_hand(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        start = handle(page, "nose")
        drag(page, "nose", 20, 0)
        once = handle(page, "nose")
        page.mouse.down()
        page.mouse.move(once[0] + 20, once[1])
        page.keyboard.press("Control+z")
        page.mouse.move(once[0] + 40, once[1])
        page.keyboard.press("Control+y")
        page.mouse.up()
        assert handle(page, "nose") == pytest.approx((once[0] + 40, once[1]), abs=0.6)
        page.keyboard.press("Control+z")
        assert handle(page, "nose") == pytest.approx(once, abs=0.1)
        page.keyboard.press("Control+z")
        assert handle(page, "nose") == pytest.approx(start, abs=0.1)
        page.mouse.move(*start)
        page.mouse.down()
        page.keyboard.press("Control+y")
        assert handle(page, "nose") == pytest.approx(start, abs=0.1)
        page.mouse.up()


@pytest.mark.browser
def test_what_is_no_face_is_said_and_cannot_be_saved(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        page.keyboard.press("s")
        choose(page, "Face")
        drag(page, "jaw.chin", 0, -300)
        expect(page.get_by_role("alert")).to_contain_text("the chin must be below the mouth")
        expect(page.get_by_role("button", name="Save avatar")).to_be_disabled()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(page.get_by_role("button", name="Save avatar")).to_be_enabled()


@pytest.mark.browser
def test_what_is_to_be_known_of_the_picture_is_said(page: Page, open_desk: OpenDesk) -> None:
    notices = ("There are 5 faces in the picture.", "The <b>face</b> is unusual: see `vcam avatar edit`.")
    with open_desk(notices=notices) as desk:
        complaints = go_to(page, desk)
        told = page.get_by_role("list", name="About this picture").get_by_role("listitem")
        expect(told).to_have_text([notice.replace("`", "") for notice in notices])
        expect(told.locator("code")).to_have_text("vcam avatar edit")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            for notice in told.all():
                expect(notice).to_be_in_viewport(ratio=1)
    with open_desk() as desk:
        go_to(page, desk)
        expect(page.locator("#notices")).to_be_hidden()
    assert complaints.texts == []


@pytest.mark.browser
def test_commands_in_complaints_are_shown_as_such(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        desk.trouble = "There is no avatar <me>; `vcam avatar list` shows what there is."
        page.get_by_role("button", name="Save avatar").click()
        expect(page.get_by_role("alert")).to_have_text(desk.trouble.replace("`", "") + " Make room.")
        expect(page.get_by_role("alert").locator("code")).to_have_text("vcam avatar list")


@pytest.mark.browser
@pytest.mark.parametrize("after_a_change", [False, True])
def test_a_save_that_fails_can_be_tried_again(page: Page, open_desk: OpenDesk, after_a_change: bool) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        waiting(page, lambda: preview(page) is not None, "the preview is there")
        save = page.get_by_role("button", name="Save avatar")
        desk.trouble = "The disk is full."
        save.click()
        expect(page.get_by_role("alert")).to_contain_text("The disk is full.")
        expect(save).to_be_enabled()
        desk.trouble = ""
        if after_a_change:
            choose(page, "Nose")
            drag(page, "nose", 25, 0)
            expect(page.get_by_role("alert")).to_be_hidden()
        page.keyboard.press("Control+s")
        expect(page.get_by_role("heading", name="me is saved")).to_be_visible()
        assert len(desk.stored) == 1


@pytest.mark.browser
def test_a_reload_keeps_what_was_not_saved(page: Page, open_desk: OpenDesk) -> None:
    with open_desk(stored=True) as desk:
        go_to(page, desk)
        expect(page.locator("#state")).to_have_text("As saved")
        choose(page, "Nose")
        drag(page, "nose", 25, 0)
        expect(page.locator("#state")).to_have_text("Unsaved changes")
        position = page.locator("#position").inner_text()
        waiting(page, lambda: words_of(points_of(desk)["nose"]) == position, "the server has it")
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()
        expect(page.locator("#state")).to_have_text("Unsaved changes")
        choose(page, "Nose")
        page.get_by_role("button", name="Tip of the nose").focus()
        expect(page.locator("#position")).to_have_text(position)


@pytest.mark.browser
@pytest.mark.parametrize("stored", [False, True])
def test_what_would_be_lost_is_asked_about_also_after_a_reload(page: Page, open_desk: OpenDesk, stored: bool) -> None:
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    with open_desk(stored=stored) as desk:
        go_to(page, desk)
        first = points_of(desk)
        choose(page, "Nose")
        drag(page, "nose", 25, 0)
        waiting(page, lambda: points_of(desk) != first, "the server has it")
        page.on("dialog", answer)
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-state", "editing")
        assert asked == ["beforeunload"]
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Keep editing").click()
        # Kept open, or there would be no page left to hear the question.
        page.evaluate("() => void setTimeout(() => location.assign('about:blank'))")
        waiting(page, lambda: len(asked) == 2, "it is asked again")


@pytest.mark.browser
@pytest.mark.parametrize("stored", [False, True])
def test_nobody_is_asked_where_nothing_would_be_lost(page: Page, open_desk: OpenDesk, stored: bool) -> None:
    with open_desk(stored=stored) as desk:
        go_to(page, desk)
        choose(page, "Nose")
        drag(page, "nose", 25, 0)
        drag(page, "nose", -25, 0)
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("heading", name="Nothing was saved")).to_be_visible()


@pytest.mark.browser
def test_points_as_they_are_stored_are_still_those_proposed(
    page: Page, open_desk: OpenDesk, proposal: Landmarks
) -> None:
    kept = {name: (round(x, 1), round(y, 1)) for name, (x, y) in proposal.points().items()}
    with open_desk(stored=True, landmarks=Landmarks.from_points(kept)) as desk:
        go_to(page, desk)
        assert points_of(desk) != rounded(proposal.points())
        reset = page.get_by_role("button", name="Back to the proposal")
        expect(reset).to_be_disabled()
        expect(page.locator("#state")).to_have_text("As saved")
        page.get_by_role("button", name="Tip of the nose").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#state")).to_have_text("Unsaved changes")
        reset.click()
        expect(page.locator("#state")).to_have_text("As saved")


@pytest.mark.browser
def test_cancelling_asks_when_something_would_be_lost(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        choose(page, "Nose")
        drag(page, "nose", 25, 0)
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Keep editing").click()
        expect(page.locator("html")).to_have_attribute("data-state", "editing")
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_role("heading", name="Nothing was saved")).to_be_visible()
        assert desk.outcome() == Outcome(None, "Cancelled.")
        assert desk.stored == []


@pytest.mark.browser
def test_closing_the_page_ends_it(page: Page, open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "GRACE_SECONDS", 0.2)
    with open_desk() as desk:
        go_to(page, desk)
        waiting(page, lambda: preview(page) is not None, "the preview is there")
        page.close()
        assert desk.outcome() == Outcome(None, "The page was closed.")


@pytest.mark.browser
def test_one_page_at_a_time(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        waiting(page, lambda: preview(page) is not None, "the preview is there")
        second = page.context.new_page()
        go_to(second, desk)
        expect(page.get_by_role("heading", name="Open in another tab")).to_be_visible()
        second.get_by_role("button", name="Save avatar").click()
        expect(second.get_by_role("heading", name="me is saved")).to_be_visible()
        assert len(desk.stored) == 1


@pytest.mark.browser
def test_the_end_of_the_command_is_said(page: Page, open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        go_to(page, desk)
        waiting(page, lambda: preview(page) is not None, "the preview is there")
    expect(page.get_by_role("heading", name="vcam has ended")).to_be_visible(timeout=10_000)
