"""Frames of an avatar under the waveform that they speak: ``python scripts/contact_sheet.py AUDIO [--avatar NAME]``.

For looking at lip sync: the sound goes through the gate and the animator, a strip of waveform shows the level (grey
where the gate is closed) and the jaw (red), and below each moment stands the face. With ``--expressions`` instead of a
sound: the avatar's expressions side by side.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import cv2
import numpy as np

from vcam.animators.base import Scene
from vcam.animators.lite import LiteAnimator, LitePose
from vcam.animators.lite.avatar import Avatar, load_avatar
from vcam.animators.lite.photo.framing import compose
from vcam.animators.lite.photo.package import PhotoAvatar
from vcam.audio.decode import decode
from vcam.audio.webrtc_gate import WebRtcGate
from vcam.errors import VcamError
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, ByteArray, FloatArray, silence
from vcam.profile.model import GateSettings, LiteOptions

FACE, STRIP, WIDEST = 132, 70, 8192  # pixels: a face's side, the waveform's height, the widest sheet
SIDE = 480  # pixels, as drawn
CLOSEST = 1.55  # zoom: enough for portraits composed as webcams show people
FACE_SHARE = 0.65  # of a tile's height: what that makes of a face, and nothing more of one cut tightly
PAPER, INK, CLOSED, JAW = (250, 248, 244), (70, 90, 100), (190, 190, 190), (215, 70, 50)


def chunks(sound: FloatArray) -> list[AudioChunk]:
    """The sound through the gate, as the animator gets it."""
    gate = WebRtcGate(GateSettings(), LiteAnimator.look_ahead)
    sound = np.concatenate([sound, silence(-len(sound) % CHUNK_SAMPLES)])
    out: list[AudioChunk] = []
    for pts in range(0, len(sound), CHUNK_SAMPLES):
        out.extend(gate.push(AudioChunk(pts, sound[pts : pts + CHUNK_SAMPLES])))
    out.extend(gate.flush())
    return out


def close(avatar: Avatar | PhotoAvatar) -> Scene:
    """The face, as large for every picture."""
    zoom = CLOSEST
    if isinstance(avatar, PhotoAvatar):
        face = compose(avatar.rgb, avatar.landmarks, Scene(SIDE, SIDE)).landmarks
        zoom = min(zoom, FACE_SHARE * SIDE / math.dist(face.forehead, face.jaw.chin))
    return Scene(SIDE, SIDE, zoom=zoom, shift_y=0.02)


def expressions(avatar: str, columns: int) -> ByteArray:
    """uint8 RGB: every expression of the avatar, at its full strength, under its name."""
    tiles = []
    loaded = load_avatar(avatar)
    scene = close(loaded)
    for name in LiteAnimator.expressions:
        options = LiteOptions.model_validate({"expression": name, "blinks_per_minute": 0})
        animator = LiteAnimator(loaded, options, scene)
        quiet = [AudioChunk(pts, silence(CHUNK_SAMPLES), False) for pts in range(0, FRAME_SAMPLES, CHUNK_SAMPLES)]
        pose = [pose for chunk in quiet for pose in animator.analyse(chunk)][-1]
        tile = animator.render(pose).copy()
        for colour, thick in (((0, 0, 0), 4), (PAPER, 2)):
            cv2.putText(tile, name, (12, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.9, colour, thick, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.full_like(tiles[0], PAPER)] * (-len(tiles) % columns)
    return np.concatenate([np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)])


def sheet(sound: FloatArray, avatar: str, every: int, columns: int) -> ByteArray:
    """uint8 RGB: one row of faces for each ``columns * every`` frames of 40 ms."""
    loaded = load_avatar(avatar)
    animator = LiteAnimator(loaded, LiteOptions(), close(loaded))
    faces: list[ByteArray] = []
    poses: list[LitePose] = []
    speech: list[bool] = []
    for chunk in chunks(sound):
        speech.append(chunk.speech)
        for pose in animator.analyse(chunk):
            if len(poses) % every == 0:
                face = cv2.resize(animator.render(pose), (FACE, FACE), interpolation=cv2.INTER_AREA)
                faces.append(np.asarray(face, np.uint8))
            poses.append(pose)
    rows = []
    for first in range(0, len(faces), columns):
        span = range(first * every, min(len(poses), (first + columns) * every))
        line = np.full((FACE, FACE * columns, 3), PAPER, np.uint8)
        for index, face in enumerate(faces[first : first + columns]):
            line[:, index * FACE : (index + 1) * FACE] = face
        rows += [_strip(sound, poses, speech, span, every), line]
    return np.concatenate([row[:, : FACE * columns] for row in rows])


def _strip(sound: FloatArray, poses: list[LitePose], speech: list[bool], span: range, every: int) -> ByteArray:
    image = np.full((STRIP, WIDEST, 3), PAPER, np.uint8)
    scale = FACE / every / FRAME_SAMPLES  # pixels a sample
    begin, middle = span.start * FRAME_SAMPLES, STRIP // 2
    loudest = float(np.abs(sound).max()) + 1e-6
    step = FRAME_SAMPLES // 16
    for pts in range(begin, min(span.stop * FRAME_SAMPLES, len(sound)), step):
        tall = int(float(np.abs(sound[pts : pts + step]).max()) / loudest * (middle - 4))
        x = int((pts - begin) * scale)
        cv2.line(image, (x, middle - tall), (x, middle + tall), INK if speech[pts // CHUNK_SAMPLES] else CLOSED, 1)
    jaw = [
        (int((n - span.start + 0.5) * FRAME_SAMPLES * scale), int((STRIP - 4) * (1 - poses[n].mouth.jaw))) for n in span
    ]
    cv2.polylines(image, [np.array(jaw, np.int32)], False, JAW, 2, cv2.LINE_AA)
    time = f"{begin / SAMPLE_RATE:.2f} s"
    cv2.putText(image, time, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, INK, 1, cv2.LINE_AA)
    return image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path, metavar="AUDIO", nargs="?")
    parser.add_argument("--expressions", action="store_true", help="show the avatar's expressions instead")
    parser.add_argument("--avatar", default="robin", help="a bundled avatar, one of your own, or a folder")
    parser.add_argument("-o", "--output", type=Path, default=Path("contact-sheet.png"), metavar="OUT.png")
    parser.add_argument("--start", type=_seconds, default=0.0, help="seconds to leave out")
    parser.add_argument("--seconds", type=_seconds, default=8.0, help="how much to show")
    parser.add_argument("--every", type=_count, default=2, help="one face for so many frames of 40 ms")
    parser.add_argument("--columns", type=_count, help="faces in a row (14; 4 of expressions)")
    options = parser.parse_args()
    if options.audio is None and not options.expressions:
        parser.error("AUDIO or --expressions is needed")
    most = WIDEST // (SIDE if options.expressions else FACE)
    if (options.columns or 1) > most:
        parser.error(f"--columns {options.columns} is too many: {most} fit into the widest sheet")
    try:
        if options.expressions:
            picture = expressions(options.avatar, options.columns or 4)
        else:
            sound = _part(parser, options.audio, options.start, options.seconds)
            picture = sheet(sound, options.avatar, options.every, options.columns or 14)
    except VcamError as error:
        parser.error(str(error))
    _write(picture, options.output)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of seconds from 0 on, not {text!r}")
    return value


def _part(parser: argparse.ArgumentParser, audio: Path, start: float, seconds: float) -> FloatArray:
    """What is to be shown of the file: a frame at least."""
    if seconds * SAMPLE_RATE < FRAME_SAMPLES:
        parser.error(f"--seconds {seconds:g} is less than a frame of 40 ms")
    sound = np.concatenate([silence(0), *decode(audio)])
    first = int(start * SAMPLE_RATE)
    part = sound[first : first + int(seconds * SAMPLE_RATE)]
    if len(part) < FRAME_SAMPLES:
        lasts = len(sound) / SAMPLE_RATE
        parser.error(f"{audio} has nothing to show from {start:g} s on: it lasts {lasts:.2f} s")
    return part


def _write(picture: ByteArray, path: Path) -> None:
    try:
        written = cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise SystemExit(f"Cannot write {path}: its name must end in .png or .jpg.") from error
    if not written:
        raise SystemExit(f"Cannot write {path}.")


if __name__ == "__main__":
    main()
