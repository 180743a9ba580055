"""The page in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Complaints
from tests.web.client import FakeSession, picture_of, preview, wait_until
from tests.web.contrast import too_faint
from vcam.camera.preview import PreviewCamera
from vcam.media import AudioChunk, Picture

pytestmark = pytest.mark.browser

SIZE = (640, 360)
COLOURS = np.array([(200, 60, 40), (40, 180, 90), (50, 80, 210), (250, 250, 250), (0, 0, 0)], np.uint8)

#: The colour in the middle of the picture that the page shows, as [r, g, b].
MIDDLE = """() => {
  const image = document.getElementById("stream");
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  const x = image.naturalWidth / 2, y = image.naturalHeight / 2;
  return Array.from(context.getImageData(x, y, 1, 1).data.slice(0, 3));
}"""
WIDTH = "() => document.getElementById('stream').naturalWidth"


@contextmanager
def feeding(camera: PreviewCamera, rgb: np.ndarray[Any, np.dtype[np.uint8]]) -> Iterator[None]:
    """Sends the picture again and again, with sound, like a session does."""
    stop = threading.Event()
    picture = picture_of(rgb)

    def feed() -> None:
        n = 0
        while not stop.wait(0.04):
            camera.send(Picture(n * 640, picture.i420))
            for half in (0, 320):
                camera.send_audio(AudioChunk(n * 640 + half, np.full(320, 0.1, np.float32)))
            n += 1

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def flat(colour: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.full((SIZE[1], SIZE[0], 3), colour, np.uint8)


def shows(page: Page, colour: np.ndarray[Any, np.dtype[np.uint8]], within: int = 3) -> Callable[[], bool]:
    return lambda: int(np.abs(np.array(page.evaluate(MIDDLE), int) - colour).max()) <= within


def waiting(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Like wait_until, but lets playwright handle the page's events meanwhile."""

    def step() -> bool:
        page.wait_for_timeout(10)
        return condition()

    wait_until(step, what)


def test_the_picture_lives_and_has_the_right_colours(page: Page) -> None:
    complaints = Complaints(page)
    with preview(SIZE) as camera:
        page.goto(camera.device)
        assert "token" not in page.url
        for colour in COLOURS:
            # Each is sent once: what the browser shows must not be one picture behind.
            camera.send(picture_of(flat(colour)))
            waiting(page, lambda: page.evaluate(WIDTH) == SIZE[0], "the picture is there")
            waiting(page, shows(page, colour), f"the page shows {colour}")
        expect(page.locator("#bar")).to_be_hidden()
    assert complaints.texts == []


def test_the_session_is_shown_and_controlled(page: Page) -> None:
    complaints = Complaints(page)
    session = FakeSession()
    with preview(SIZE) as camera:
        camera.attach(session)
        with feeding(camera, flat(COLOURS[0])):
            page.goto(camera.device)
            expect(page.locator("#state")).to_have_text("Live")
            expect(page.locator("#speech")).to_have_text("Speaking")
            expect(page.locator("#animator")).to_have_text("lite")
            expect(page.locator("#camera")).to_have_text("640 × 360")
            expect(page.locator("#delay")).to_have_text("135 ms")
            expect(page.get_by_role("meter")).to_have_attribute("aria-valuenow", "-21")

            page.get_by_role("button", name="Mute").click()
            expect(page.get_by_role("button", name="Unmute")).to_be_visible()
            expect(page.locator("#state")).to_have_text("Muted")
            page.keyboard.press("m")
            expect(page.locator("#state")).to_have_text("Live")
            page.keyboard.press("p")
            expect(page.locator("#state")).to_have_text("Paused")
            page.get_by_role("button", name="Resume").click()
            expect(page.locator("#state")).to_have_text("Live")
            assert session.asked == ["mute", "unmute", "pause", "resume"]
    assert complaints.texts == []


def test_the_panic_button_cuts_and_only_itself_brings_the_picture_back(page: Page) -> None:
    complaints = Complaints(page)
    session = FakeSession()
    with preview(SIZE) as camera:
        camera.attach(session)
        with feeding(camera, flat(COLOURS[0])):
            page.goto(camera.device)
            expect(page.locator("#state")).to_have_text("Live")
            page.get_by_role("button", name="Cut").click()
            expect(page.locator("#state")).to_have_text("Cut")
            expect(page.locator("#tag")).to_contain_text("hear nothing")
            expect(page.get_by_role("button", name="Pause")).to_be_disabled()
            page.keyboard.press("p")
            page.get_by_role("button", name="Back", exact=True).click()
            expect(page.locator("#state")).to_have_text("Live")
            expect(page.locator("#tag")).to_be_hidden()
            page.keyboard.press("c")
            expect(page.locator("#state")).to_have_text("Cut")
            page.keyboard.press("c")
            expect(page.locator("#state")).to_have_text("Live")
    assert session.asked == ["cut", "resume", "cut", "resume"]
    assert complaints.texts == []


def test_warnings_can_be_dismissed_and_are_no_markup(page: Page) -> None:
    complaints = Complaints(page)
    session = FakeSession(warnings=["<img src=x onerror=alert(1)> is the name of a device. Run `vcam doctor`."])
    with preview(SIZE) as camera:
        camera.attach(session)
        camera.send(picture_of(flat(COLOURS[1])))
        page.goto(camera.device)
        note = page.locator("#notes li")
        expect(note).to_contain_text("<img src=x onerror=alert(1)> is the name")
        expect(note.locator("code")).to_have_text("vcam doctor")
        note.get_by_role("button", name="Dismiss").click()
        expect(note).to_have_count(0)
        session.warnings.append("The camera has gone.")
        expect(note).to_have_text("The camera has gone.")
        session.warnings.clear()
        expect(note).to_have_count(0)
    assert complaints.texts == []


def test_a_refusal_is_shown(page: Page) -> None:
    with preview(SIZE) as camera:
        camera.attach(FakeSession(refuses=True))
        camera.send(picture_of(flat(COLOURS[1])))
        page.goto(camera.device)
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#notes")).to_contain_text("The session is stopping.")


def test_the_voice_is_heard(page: Page) -> None:
    complaints = Complaints(page)
    # Every sample that the page hands to the speaker passes through here.
    page.add_init_script(
        "window.heard = [];"
        "const make = AudioContext.prototype.createBuffer;"
        "AudioContext.prototype.createBuffer = function (...a) {"
        "  const b = make.apply(this, a); window.heard.push(b); return b; };"
    )
    with preview(SIZE) as camera:
        camera.attach(FakeSession())
        with feeding(camera, flat(COLOURS[2])):
            page.goto(camera.device)
            page.get_by_role("button", name="Listen").click()
            waiting(page, lambda: page.evaluate("() => window.heard.length") > 5, "sound is played")
            assert abs(page.evaluate("() => window.heard[3].getChannelData(0)[10]") - 0.1) < 0.001
            expect(page.locator("#notes")).to_contain_text("headphones")
            page.get_by_role("button", name="Listen").click()
            expect(page.locator("#notes li")).to_have_count(0)
    assert complaints.texts == []


def test_the_end_is_said_and_the_picture_comes_back(page: Page) -> None:
    with preview(SIZE) as camera:
        camera.attach(FakeSession())
        camera.send(picture_of(flat(COLOURS[0])))
        page.goto(camera.device)
        waiting(page, lambda: page.evaluate(WIDTH) == SIZE[0], "the picture is there")
        camera.close()
        expect(page.locator("#message")).to_contain_text("Session ended")
        expect(page.get_by_role("button", name="Mute")).to_be_disabled()
        camera.open()
        camera.send(picture_of(flat(COLOURS[2])))
        expect(page.locator("#state")).to_have_text("Live")
        expect(page.locator("#message")).to_be_hidden()
        waiting(page, shows(page, COLOURS[2]), "the new picture is shown")


def test_a_session_with_another_key_is_explained(page: Page) -> None:
    with preview(SIZE) as camera:
        page.goto(camera.device)
        camera.close()
        expect(page.locator("#message")).to_contain_text("Session ended")
        port = int(camera.device.split(":")[2].split("/")[0])
        successor = PreviewCamera(camera.format, port=port)
        successor.open()
        try:
            expect(page.locator("#message")).to_contain_text("A new session is running")
            page.reload()
            expect(page.locator("h1")).to_have_text("This preview is private")
        finally:
            successor.close()


def test_the_picture_alone(page: Page) -> None:
    page.set_viewport_size({"width": SIZE[0], "height": SIZE[1]})
    complaints = Complaints(page)
    with preview(SIZE) as camera:
        camera.attach(FakeSession(warnings=["not here"]))
        camera.send(picture_of(flat(COLOURS[0])))
        page.goto(f"{camera.device}&bare=1")
        expect(page.locator("#picture")).to_have_class("picture has-picture")
        image = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        assert np.abs(image[:, :, ::-1].astype(int) - COLOURS[0]).max() <= 3
    assert complaints.texts == []


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (900, 600), (390, 844), (320, 600)])
def test_nothing_sticks_out(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    with preview(SIZE) as camera:
        camera.attach(FakeSession(warnings=["a" * 300, "The microphone lost 3 blocks."]))
        camera.send(picture_of(flat(COLOURS[0])))
        page.goto(camera.device)
        expect(page.locator("#delay")).to_have_text("135 ms")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        box = page.locator("#picture").bounding_box()
        assert box is not None
        assert box["width"] / box["height"] == pytest.approx(SIZE[0] / SIZE[1], rel=0.01)


def test_full_screen_on_double_click_and_back_with_f(page: Page) -> None:
    with preview(SIZE) as camera:
        camera.send(picture_of(flat(COLOURS[0])))
        page.goto(camera.device)
        page.locator("#picture").dblclick()
        waiting(page, lambda: page.evaluate("() => document.fullscreenElement?.id") == "picture", "it fills the screen")
        page.keyboard.press("f")
        waiting(page, lambda: page.evaluate("() => document.fullscreenElement") is None, "it is back")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_all_words_and_controls_stand_out(browser: Browser, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    page, session = context.new_page(), FakeSession()
    with preview(SIZE) as camera, feeding(camera, flat(COLOURS[1])):
        camera.attach(session)
        page.goto(camera.device)
        for asked, state in (("", "Live"), ("m", "Muted"), ("m", "Live"), ("p", "Paused")):
            if asked:
                page.keyboard.press(asked)
            expect(page.locator("#state")).to_have_text(state)
            assert too_faint(page) == []
    context.close()
