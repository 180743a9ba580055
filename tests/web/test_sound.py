from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import numpy as np

from tests.web.client import Stream, ask, preview, wait_until
from vcam.camera.preview import PreviewCamera
from vcam.media import AudioChunk, FloatArray
from vcam.web.sound import QUEUE_CHUNKS, SoundFeed, to_pcm


def chunk(n: int, level: float = 0.5) -> AudioChunk:
    return AudioChunk(n * 320, np.full(320, level, np.float32))


def listeners(camera: PreviewCamera) -> int:
    count: int = json.loads(ask(camera, "/status.json").body)["preview"]["listeners"]
    return count


def test_listeners_hear_what_is_sent_as_pcm() -> None:
    ramp: FloatArray = np.linspace(-1, 1, 320, dtype=np.float32)
    with preview() as camera:
        camera.send_audio(chunk(0))  # nobody listens: gone
        with Stream(camera, "/audio") as stream:
            assert stream.begin() == 200
            assert stream.response.headers["x-audio-format"] == "s16le; rate=16000; channels=1"
            wait_until(lambda: listeners(camera) == 1, "it listens")
            camera.send_audio(AudioChunk(320, ramp))
            camera.send_audio(chunk(2, -0.25))
            heard = np.frombuffer(stream.response.read(1280), "<i2").astype(np.float32) / 32767
    np.testing.assert_allclose(heard[:320], ramp, atol=1e-4)
    np.testing.assert_allclose(heard[320:], -0.25, atol=1e-4)


def test_loud_sound_is_clipped_and_not_wrapped() -> None:
    pcm = np.frombuffer(to_pcm(np.array([2.0, -2.0, 1.0], np.float32)), "<i2")
    assert pcm.tolist() == [32767, -32767, 32767]


def test_a_full_queue_drops_the_oldest() -> None:
    def at_once(function: Callable[..., None], *arguments: object) -> bool:
        function(*arguments)
        return True

    async def scenario() -> bytes | None:
        feed = SoundFeed(at_once)
        with feed.join() as listener:
            for n in range(QUEUE_CHUNKS + 5):
                feed.put(np.full(320, n / 100, np.float32))
            return await listener.next()

    heard = asyncio.run(scenario())
    assert heard is not None
    samples = np.frombuffer(heard, "<i2")
    assert len(samples) == 320 * QUEUE_CHUNKS
    assert samples[0] == round(0.05 * 32767)


def test_leaving_frees_the_place() -> None:
    with preview() as camera:
        with Stream(camera, "/audio") as stream:
            stream.begin()
            wait_until(lambda: listeners(camera) == 1, "it listens")
        wait_until(lambda: listeners(camera) == 0, "it has left")
