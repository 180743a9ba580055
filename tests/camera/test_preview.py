from __future__ import annotations

import logging
import socket
import threading
from fractions import Fraction

import numpy as np
import pytest

from tests.web.client import SIZE, Address, FakeSession, Stream, ask, picture_of, plain, preview, rgb_of, wait_until
from vcam.camera.base import CameraFormat
from vcam.camera.preview import PreviewCamera
from vcam.errors import CameraError
from vcam.media import AudioChunk, silence

FORMAT = CameraFormat(*SIZE, Fraction(25))


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("vcam-")}


def test_what_is_sent_can_be_fetched() -> None:
    with preview() as camera:
        camera.send(plain(120))
        answer = ask(camera, "/frame.jpg")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert rgb_of(answer.body).shape == (SIZE[1], SIZE[0], 3)


def test_colours_survive_the_change_of_range() -> None:
    """Flat patches all over the gamut, black and white among them, come out within 3 of 255."""
    levels = (0, 64, 128, 192, 255)
    colours = np.array([(r, g, b) for r in levels for g in levels for b in levels], np.uint8)
    image = np.repeat(np.repeat(np.vstack([colours, colours[:3]]).reshape(8, 16, 3), 32, axis=0), 32, axis=1)
    size = (image.shape[1], image.shape[0])
    with preview(size) as camera:
        camera.send(picture_of(image))
        seen = rgb_of(ask(camera, "/frame.jpg").body).astype(int)
    centres = (slice(16, None, 32), slice(16, None, 32))
    assert np.abs(seen[centres] - image[centres]).max() <= 3


@pytest.mark.parametrize("size", [(160, 120), (642, 362), (1280, 720)])
def test_any_even_size(size: tuple[int, int]) -> None:
    with preview(size) as camera:
        camera.send(plain(200, size))
        assert rgb_of(ask(camera, "/frame.jpg").body).shape == (size[1], size[0], 3)


def test_a_picture_of_another_size_is_refused() -> None:
    with preview() as camera, pytest.raises(CameraError, match=r"320x240, not 640x480"):
        camera.send(plain(0, (640, 480)))


def test_the_address_has_a_token_of_its_own() -> None:
    first, second = PreviewCamera(FORMAT), PreviewCamera(FORMAT)
    assert len(Address.of(first).token) >= 24
    assert Address.of(first).token != Address.of(second).token


def test_a_given_token_is_used() -> None:
    with preview(token="known") as camera:
        assert Address.of(camera).token == "known"
        assert ask(camera, "/status.json").status == 200


def test_the_token_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), preview() as camera:
        ask(camera, "/status.json")
        assert "Preview at" in caplog.text
        assert Address.of(camera).token not in caplog.text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org"])
def test_only_this_computer_is_served(host: str) -> None:
    with pytest.raises(CameraError, match="this computer only"):
        PreviewCamera(FORMAT, port=0, host=host).open()


def test_a_port_in_use_is_replaced_by_one_nearby(caplog: pytest.LogCaptureFixture) -> None:
    with preview() as first:
        taken = Address.of(first).port
        second = PreviewCamera(FORMAT, port=taken)
        second.open()
        try:
            assert taken < Address.of(second).port < taken + 10
            assert f"Port {taken} is in use" in caplog.text
            assert ask(second, "/status.json").status == 200
        finally:
            second.close()


def test_a_port_asked_for_is_not_replaced() -> None:
    with preview() as first:
        taken = Address.of(first).port
        with pytest.raises(CameraError, match=f"Port {taken} is in use") as caught:
            PreviewCamera(FORMAT, port=taken, strict_port=True).open()
        assert "another port" in caught.value.hint


def test_close_ends_viewers_and_listeners_who_read_and_who_do_not() -> None:
    before = threads()
    with preview() as camera:
        camera.send(plain(10))
        with Stream(camera) as reader, Stream(camera) as sleeper, Stream(camera, "/audio") as listener:
            assert reader.begin() == 200
            reader.part()
            assert listener.begin() == 200
            wait_until(lambda: ask(camera, "/status.json").body.count(b'"viewers":2') == 1, "both watch")
            for shade in range(60):
                camera.send(plain(shade))
            camera.close()
            assert threads() == before
            assert all(len(jpeg) for jpeg in reader.rest())
            assert listener.response.read() == b""
            sleeper.socket.close()
        camera.close()


def test_close_does_not_wait_for_a_viewer_whose_buffers_are_full() -> None:
    size = (1280, 720)
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    picture = picture_of(noise)
    with preview(size) as camera, Stream(camera, receive_buffer=4096):
        wait_until(lambda: b'"viewers":1' in ask(camera, "/status.json").body, "it watches")
        for _ in range(5):
            camera.send(picture)
            assert ask(camera, "/frame.jpg").status == 200
        camera.close()
        assert not threads()


def test_open_again_after_close_at_the_same_address() -> None:
    with preview() as camera:
        device = camera.device
        camera.close()
        camera.open()
        assert camera.device == device
        camera.send(plain(50))
        assert ask(camera, "/frame.jpg").status == 200


def test_a_closed_preview_takes_no_pictures_and_ignores_sound() -> None:
    with preview() as camera:
        camera.close()
        camera.close()
        with pytest.raises(CameraError, match="not open"):
            camera.send(plain(0))
        camera.send_audio(AudioChunk(0, silence(320)))


def test_nothing_listens_after_close() -> None:
    with preview() as camera:
        address = Address.of(camera)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.host, address.port), timeout=5)


def test_a_session_can_be_attached_before_and_after_opening() -> None:
    session = FakeSession()
    camera = PreviewCamera(FORMAT, port=0)
    camera.attach(session)
    camera.open()
    try:
        assert b'"animator":"lite"' in ask(camera, "/status.json").body
    finally:
        camera.close()
    with preview() as other:
        assert b'"animator"' not in ask(other, "/status.json").body
        other.attach(session)
        assert b'"animator":"lite"' in ask(other, "/status.json").body
