"""Sound through speech and music codecs at low bit rates, brought back into time."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import soxr

from vcam.media import SAMPLE_RATE, FloatArray

# name: (encoder, sample rate, bit rate, sample format)
AV_CODECS: dict[str, tuple[str, int, int, str]] = {
    "opus 12k": ("libopus", 16000, 12000, "s16"),
    "opus 24k": ("libopus", 48000, 24000, "s16"),
    "mp3 24k": ("libmp3lame", 16000, 24000, "s16p"),
    "g722": ("g722", 16000, 64000, "s16"),
}


def mu_law(sound: FloatArray) -> FloatArray:
    """8 bits a sample at 8 kHz (ITU-T G.711, the continuous law)."""
    low = soxr.resample(sound, SAMPLE_RATE, 8000)
    code = np.sign(low) * np.log1p(255 * np.minimum(1, np.abs(low))) / np.log(256)
    code = np.round(code * 127) / 127
    back = np.sign(code) * (np.power(256.0, np.abs(code)) - 1) / 255
    return _fitted(soxr.resample(back.astype(np.float32), 8000, SAMPLE_RATE), len(sound))


def through_codec(sound: FloatArray, name: str) -> FloatArray:
    """Encoded and decoded by one of ``AV_CODECS``; the codec's delay is taken out."""
    encoder_name, rate, bit_rate, form = AV_CODECS[name]
    encoder = av.CodecContext.create(encoder_name, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.bit_rate = rate, bit_rate
    encoder.layout, encoder.format = "mono", form
    encoder.time_base = Fraction(1, rate)
    encoder.open()
    source = sound if rate == SAMPLE_RATE else soxr.resample(sound, SAMPLE_RATE, rate)
    samples = np.clip(np.round(source * 32767), -32768, 32767).astype(np.int16)
    size = encoder.frame_size or 320
    samples = np.pad(samples, (0, -len(samples) % size + 4 * size))
    packets = []
    for i in range(0, len(samples), size):
        frame = av.AudioFrame.from_ndarray(samples[None, i : i + size], form, "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, i, Fraction(1, rate)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create({"libopus": "opus", "libmp3lame": "mp3"}.get(encoder_name, encoder_name), "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = rate, "mono"
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    pieces = []
    for packet in packets:
        for frame in decoder.decode(packet):
            piece = frame.to_ndarray()
            piece = piece[0] if piece.ndim == 2 else piece
            pieces.append(piece.astype(np.float32) / (32768 if piece.dtype == np.int16 else 1))
            decoded_rate = frame.sample_rate
    back = np.concatenate(pieces)
    if decoded_rate != SAMPLE_RATE:
        back = soxr.resample(back, decoded_rate, SAMPLE_RATE)
    return _fitted(back[_delay(sound, back) :], len(sound))


def _delay(sound: FloatArray, later: FloatArray) -> int:
    """Samples by which ``later`` lags, from the peak of the correlation within 100 ms."""
    size = 1 << (len(sound) + len(later)).bit_length()
    product = np.fft.rfft(later, size) * np.conj(np.fft.rfft(sound, size))
    return int(np.argmax(np.fft.irfft(product, size)[:1600]))


def _fitted(sound: FloatArray, count: int) -> FloatArray:
    return np.pad(sound[:count], (0, max(0, count - len(sound)))).astype(np.float32)
