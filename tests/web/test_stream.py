from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from tests.web.client import SIZE, Stream, ask, picture_of, plain, preview, rgb_of, shade_of, wait_until
from vcam.camera.preview import MAX_VIEWERS, PreviewCamera
from vcam.web import live


def viewers(camera: PreviewCamera) -> int:
    count: int = json.loads(ask(camera, "/status.json").body)["preview"]["viewers"]
    return count


def test_parts_are_jpegs_of_the_cameras_size() -> None:
    with preview() as camera, Stream(camera) as stream:
        assert stream.begin() == 200
        assert stream.response.headers["content-type"] == "multipart/x-mixed-replace; boundary=vcam-picture"
        for shade in (40, 80, 120):
            camera.send(plain(shade))
            jpeg = stream.part()
            assert rgb_of(jpeg).shape == (SIZE[1], SIZE[0], 3)
            assert abs(shade_of(jpeg) - shade) <= 2


def test_the_prompt_stream_ends_each_part_with_the_head_of_the_next() -> None:
    head = b"--vcam-picture\r\nContent-Type: image/jpeg\r\n\r\n"
    with preview() as camera, Stream(camera, "/stream.mjpg", query="&prompt") as stream:
        stream.begin()
        assert stream.response.read(len(head)) == head
        camera.send(plain(50))
        jpeg = ask(camera, "/frame.jpg").body
        assert stream.response.read(len(jpeg) + 2 + len(head)) == jpeg + b"\r\n" + head


def test_a_late_viewer_begins_with_the_current_picture() -> None:
    with preview() as camera:
        camera.send(plain(30))
        with Stream(camera) as early:
            early.begin()
            assert abs(shade_of(early.part()) - 30) <= 2
        wait_until(lambda: viewers(camera) == 0, "the first viewer has gone")
        camera.send(plain(90))
        camera.send(plain(210))
        with Stream(camera) as late:
            late.begin()
            assert abs(shade_of(late.part()) - 210) <= 2


def test_a_slow_viewer_gets_the_newest_and_slows_nobody() -> None:
    size = (640, 360)
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 200, (size[1], size[0], 3), dtype=np.uint8)  # hard to compress: fills the buffers soon
    count = 60
    with preview(size) as camera, Stream(camera, receive_buffer=4096) as slow, Stream(camera) as fast:
        assert fast.begin() == 200
        wait_until(lambda: viewers(camera) == 2, "both watch")
        for n in range(count):
            rgb = noise.copy()
            rgb[:32, :32] = 4 * n
            camera.send(picture_of(rgb))
            # The fast viewer gets each picture at once, while the slow one reads nothing at all.
            assert abs(float(rgb_of(fast.part())[8:24, 8:24].mean()) - 4 * n) <= 6
        slow.begin()
        seen: list[int] = []
        while not seen or seen[-1] < count - 1:
            seen.append(round(float(rgb_of(slow.part())[8:24, 8:24].mean()) / 4))
        assert seen == sorted(set(seen))
        assert len(seen) < count / 2


def test_one_encoding_serves_all() -> None:
    with preview() as camera, Stream(camera) as first, Stream(camera) as second:
        first.begin()
        second.begin()
        wait_until(lambda: viewers(camera) == 2, "both watch")
        camera.send(plain(77))
        assert first.part() == second.part()


def test_the_ninth_viewer_is_told_to_wait() -> None:
    with preview() as camera:
        camera.send(plain(10))
        streams = [Stream(camera) for _ in range(MAX_VIEWERS)]
        try:
            for stream in streams:
                assert stream.begin() == 200
                stream.part()
            answer = ask(camera, "/stream.mjpg")
            assert answer.status == 503
            assert answer.headers["retry-after"]
            assert b"watching already" in answer.body
        finally:
            for stream in streams:
                stream.__exit__()
        wait_until(lambda: viewers(camera) == 0, "the places are free again")
        with Stream(camera) as stream:
            assert stream.begin() == 200


def test_head_does_not_take_a_place() -> None:
    with preview() as camera:
        assert ask(camera, "/stream.mjpg", "HEAD").status == 200
        assert ask(camera, "/audio", "HEAD").status == 200
        assert viewers(camera) == 0


def test_no_picture_yet() -> None:
    with preview() as camera:
        answer = ask(camera, "/frame.jpg")
        assert answer.status == 503
        assert b"no picture yet" in answer.body


def test_send_from_a_thread_while_viewers_come_and_go() -> None:
    with preview() as camera:
        stop = threading.Event()

        def feed() -> None:
            while not stop.wait(0.002):
                camera.send(plain(100))

        feeder = threading.Thread(target=feed)
        feeder.start()
        try:
            for _ in range(30):
                with Stream(camera) as stream:
                    stream.begin()
                    stream.part()
        finally:
            stop.set()
            feeder.join()
        wait_until(lambda: viewers(camera) == 0, "all have gone")


def test_a_viewer_who_takes_nothing_for_long_loses_the_place(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "STALL_SECONDS", 0.2)
    size = (1280, 720)
    picture = picture_of(np.random.default_rng(2).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    with preview(size) as camera, Stream(camera, receive_buffer=4096):
        wait_until(lambda: viewers(camera) == 1, "it watches")

        def gone() -> bool:
            camera.send(picture)
            return viewers(camera) == 0

        wait_until(gone, "it is dropped")
    assert caplog.text.count("ERROR") == 0
