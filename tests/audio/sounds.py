"""Sounds with known properties, and how to recognise them."""

from __future__ import annotations

import struct
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vcam.media import SAMPLE_RATE, FloatArray


def tone(frequency: float, seconds: float, rate: int = SAMPLE_RATE, level: float = 0.5) -> FloatArray:
    """A sine of peak ``level``: float32 [seconds * rate]."""
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def pitch(sound: FloatArray, rate: int = SAMPLE_RATE) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8 * len(sound)))
    return float(np.argmax(spectrum)) * rate / (8 * len(sound))


def peak(sound: FloatArray) -> float:
    """The peak level of a sine, from its power."""
    return float(np.sqrt(2 * np.mean(np.square(sound, dtype=np.float64))))


def room(sound: FloatArray, seed: int = 1, rt60: float = 0.5, direct_db: float = 4.0) -> FloatArray:
    """With reflections that die by 60 dB in ``rt60`` s, the direct sound ``direct_db`` above all of them."""
    count = round(rt60 * SAMPLE_RATE)
    tail = np.random.default_rng(seed).standard_normal(count) * np.exp(-6.91 * np.arange(count) / count)
    tail[: SAMPLE_RATE // 300] = 0
    tail *= 10 ** (-direct_db / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1
    return np.convolve(sound, tail)[: len(sound)].astype(np.float32)


def write_wav(path: Path, sound: FloatArray, rate: int = SAMPLE_RATE) -> Path:
    """float32 [n] or [n, channels] as 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


def write_riff(path: Path, sound: FloatArray, *, kind: int = 1, title: bytes = b"") -> Path:
    """float32 [n] as the chunks of a WAV file of the format number ``kind`` (1: PCM), with a title tag."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

    shape = struct.pack("<HHIIHH", kind, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    tags = chunk(b"LIST", b"INFO" + chunk(b"INAM", title + b"\0")) if title else b""
    samples = (sound * 32767).astype("<i2").tobytes()
    path.write_bytes(chunk(b"RIFF", b"WAVE" + chunk(b"fmt ", shape) + tags + chunk(b"data", samples)))
    return path


def encode(path: Path, sound: FloatArray, rate: int, codec: str) -> Path:
    """float32 [n, 2] as a compressed file; the suffix chooses the container."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo", options={"strict": "experimental"})
        resampler = av.AudioResampler(format=stream.format, layout="stereo", rate=rate)
        for start in range(0, len(sound), 1024):
            part = np.ascontiguousarray(sound[start : start + 1024].T)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux([packet for fit in resampler.resample(frame) for packet in stream.encode(fit)])
        container.mux(stream.encode(None))
    return path
