from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.web.editor_desk import Desk, OpenDesk
from vcam.animators.base import Animator, Scene
from vcam.animators.lite import LiteAnimator
from vcam.animators.lite.photo import Landmarks, PhotoAvatar
from vcam.animators.lite.photo.propose import propose_landmarks
from vcam.errors import AvatarError
from vcam.media import ByteArray
from vcam.profile.model import LiteOptions
from vcam.web.editor.editor import LandmarkEditor
from vcam.web.editor.preview import HEIGHT, WIDTH
from vcam.web.editor.subject import Subject

STILL = LiteOptions(sway=0, blinks_per_minute=0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def picture() -> ByteArray:
    """A drawn person, upright: 360 wide, 480 high."""
    return LiteAnimator("robin", LiteOptions(), Scene(854, 480)).portrait()[:, 247:607].copy()


@pytest.fixture(scope="module")
def proposal(picture: ByteArray) -> Landmarks:
    return propose_landmarks(picture).landmarks


@pytest.fixture
def open_desk(picture: ByteArray, proposal: Landmarks) -> OpenDesk:
    @contextmanager
    def opened(
        *,
        stored: bool = False,
        landmarks: Landmarks = proposal,
        name: str = "me",
        notices: tuple[str, ...] = (),
    ) -> Iterator[Desk]:
        def build(points: Landmarks, zoom: float) -> Animator:
            desk.built.append(points)
            desk.zooms.append(zoom)
            if desk.trouble:
                raise AvatarError(desk.trouble)
            return LiteAnimator(PhotoAvatar("me", points, picture), STILL, Scene(WIDTH, HEIGHT, zoom))

        def store(points: Landmarks) -> None:
            desk.store(points)

        steps = (("Show it:", "vcam switch me"),)
        subject = Subject(name, picture, landmarks, proposal, "A face: sure", stored, steps, notices)
        desk = Desk(LandmarkEditor(subject, build, store))
        with desk.editor:
            yield desk

    return opened
