"""Programs that look at the preview: one comes late, one leaves without a word, one stops reading."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.devices.bench import files, threads
from tests.live.parts import CountingAnimator, Microphone
from tests.waiting import wait_until
from tests.web.client import Stream, ask, shade_of
from vcam.build import camera_format
from vcam.camera.base import Camera
from vcam.camera.preview import PreviewCamera
from vcam.profile.model import Profile
from vcam.session import Session

PROFILE = Profile.model_validate({"camera": {"size": "320x240", "fps": 25, "port": 0}, "gate": {"kind": "off"}})


class Preview:
    def __init__(self) -> None:
        self.camera = PreviewCamera(camera_format(PROFILE), port=0)
        self.session = Session(
            PROFILE, Microphone(), self._open, make_animator=lambda _: (CountingAnimator(320, 240), "")
        )

    def _open(self) -> Camera:
        self.camera.open()
        return self.camera

    def behind(self, jpeg: bytes) -> int:
        """How many frames older than what is being shown now a picture is."""
        return round(self.session._parts.presenter.position // 640 - (shade_of(jpeg) - 50)) % 100

    def presented(self) -> int:
        return int(self.session.status()["camera"]["presented"])


@pytest.fixture
def preview() -> Iterator[Preview]:
    preview = Preview()
    with preview.session:
        yield preview


def test_who_comes_late_sees_what_is_shown_now_and_every_picture_from_then_on(preview: Preview) -> None:
    wait_until(lambda: preview.presented() > 50)
    with Stream(preview.camera) as viewer:
        assert viewer.begin() == 200
        first, *others = [viewer.part() for _ in range(30)]
        assert preview.behind(others[-1]) <= 4
    shades = [shade_of(one) for one in (first, *others)]
    assert len(set(shades)) >= 20


def test_who_leaves_or_stops_reading_disturbs_nobody_and_leaves_nothing_behind(preview: Preview) -> None:
    ask(preview.camera, "/")  # so that what the server keeps for later is there
    with Stream(preview.camera) as viewer:
        viewer.begin()
        viewer.part()
    wait_until(lambda: preview.session.status()["camera"]["presented"] > 25)
    plan, before = preview.session.latency, (threads(), files())
    missed = preview.session.status()["camera"]["missed"]
    with Stream(preview.camera) as patient, Stream(preview.camera, receive_buffer=4096) as stuck:
        patient.begin()
        stuck.begin()
        for _ in range(5):
            with Stream(preview.camera) as brief:
                brief.begin()
                brief.part()
            patient.part()
        for _ in range(25):
            latest = patient.part()
        assert preview.behind(latest) <= 4
    wait_until(lambda: threads() <= before[0])
    wait_until(lambda: files() <= before[1])
    assert preview.session.state == "live"
    assert preview.session.latency == plan
    assert preview.session.status()["camera"]["missed"] - missed <= 5
