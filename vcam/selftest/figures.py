"""From what was seen and heard to figures. All times are monotonic seconds, all PTS samples at 16 kHz."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

import numpy as np

from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, FloatArray
from vcam.selftest.lips import Lips, follow
from vcam.selftest.result import NOTICED_EARLY, NOTICED_LATE, SKEW_LIMIT, Row
from vcam.selftest.stimulus import Stimulus, matches
from vcam.selftest.viewer import Seen

MOST_DELAY = 8.0  # s from the microphone to whoever listens; more is not looked for
AROUND = 0.5  # s on either side of a click over which the arrival of pictures is smoothed
LEAST_CORRELATION = 0.4  # of mouth and speech, without which no lag is told


@dataclass(frozen=True, slots=True)
class Heard:
    """When the clicks were heard: at the microphone, at the virtual microphone (None where there was none).

    ``told``: at the microphone once more, as whoever played them was told.
    """

    microphone: Sequence[float]
    voice: Sequence[float] | None
    told: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Frames:
    """The pictures of the measurement by the marks in them.

    ``lost``: moments between the first and the last for which no picture arrived; ``unshown``: frames of the animator
    that were not in the picture in which they should have come first; ``repeated``: pictures of an older frame than was
    due; ``twice``: pictures that arrived for the same moment.
    """

    arrived: int
    lost: int
    unshown: int
    repeated: int
    twice: int
    unreadable: int
    jitter: FloatArray  # s that each picture was off the even pace

    @classmethod
    def of(cls, seen: Sequence[Seen], fps: Fraction) -> Frames:
        ticks = [(round(picture.pts * fps / SAMPLE_RATE), picture) for picture in seen if picture.pts is not None]
        if not ticks:
            return cls(0, 0, 0, 0, 0, len(seen), np.zeros(0, np.float32))
        numbers = {number for number, _ in ticks}
        lost = max(numbers) - min(numbers) + 1 - len(numbers)
        shown = [picture.frame.number for _, picture in ticks if picture.frame is not None]
        passed_over = 0
        if fps >= Fraction(SAMPLE_RATE, FRAME_SAMPLES) and shown:  # a slower camera passes frames over
            missing = set(range(min(shown), max(shown))).difference(shown)
            passed_over = sum(math.ceil(number * FRAME_SAMPLES * fps / SAMPLE_RATE) in numbers for number in missing)
        repeated = sum(
            picture.frame is not None and picture.frame.number < picture.pts // FRAME_SAMPLES
            for _, picture in ticks
            if picture.pts is not None
        )
        unreadable = sum(picture.pts is None or picture.frame is None for picture in seen)
        return cls(len(seen), lost, passed_over, repeated, len(ticks) - len(numbers), unreadable, _jitter(ticks, fps))


def _jitter(ticks: Sequence[tuple[int, Seen]], fps: Fraction) -> FloatArray:
    numbers = np.array([number for number, _ in ticks], float)
    off = np.array([picture.at for _, picture in ticks]) - numbers / float(fps)
    slope, offset = np.polyfit(numbers - numbers[0], off, 1) if len(ticks) > 2 else (0.0, float(off[0]))
    rest = off - offset - slope * (numbers - numbers[0])  # the microphone's clock may differ a little from ours
    return np.asarray(rest - np.median(rest), np.float32)


@dataclass(frozen=True, slots=True)
class Click:
    """One click that was seen: its PTS, and when a picture of exactly that moment would have arrived."""

    pts: int
    shown: float


def clicks_seen(seen: Sequence[Seen], fps: Fraction) -> list[Click]:
    """Each click once. Pictures arrive as late as the median of those around it; its own may be shown later still."""
    readable = [(picture.pts, picture.at) for picture in seen if picture.pts is not None]
    moments = np.array([pts for pts, _ in readable], float)
    behind = np.array([at for _, at in readable]) - moments / SAMPLE_RATE
    found: dict[int, Click] = {}
    for picture in seen:
        frame = picture.frame
        if frame is None or frame.click is None or frame.click in found or picture.pts is None:
            continue
        due = math.ceil(frame.click // FRAME_SAMPLES * FRAME_SAMPLES * fps / SAMPLE_RATE) * SAMPLE_RATE / fps
        late = max(0, picture.pts - math.floor(due)) / SAMPLE_RATE
        around = behind[np.abs(moments - frame.click) <= AROUND * SAMPLE_RATE]
        found[frame.click] = Click(frame.click, frame.click / SAMPLE_RATE + float(np.median(around)) + late)
    return sorted(found.values(), key=lambda click: click.pts)


def judge(
    seen: Sequence[Seen],
    heard: Heard,
    stimulus: Stimulus,
    fps: Fraction,
    promised: tuple[float, float],
) -> list[Row]:
    """The rows of the report. ``promised``: least and most of the delay in s that the status showed meanwhile."""
    clicks = clicks_seen(seen, fps)
    by_pts = matches([click.pts / SAMPLE_RATE for click in clicks], heard.microphone)
    shown = {click.pts / SAMPLE_RATE: click.shown for click in clicks}
    camera = {spoken: shown[pts] - spoken for pts, spoken in by_pts}  # s of delay, by the time at the microphone
    frame_ms = 1000 / float(fps)
    rows = [
        _spread(
            "camera_latency",
            "mouth to camera",
            list(camera.values()),
            promised[0] * 1000 - frame_ms,
            promised[1] * 1000 + frame_ms,
            f"; promised {_range(promised)}",
        )
    ]
    skew: float | None = None
    if heard.voice is not None:
        delays = {spoken: there - spoken for spoken, there in matches(heard.microphone, heard.voice, MOST_DELAY)}
        rows.append(_spread("voice_latency", "mouth to virtual microphone", list(delays.values())))
        both = [camera[spoken] - delays[spoken] for spoken in camera if spoken in delays]
        skew = median(both) if both else None
        rows.append(_spread("skew", "skew", both, -SKEW_LIMIT, SKEW_LIMIT, "; + is sound early"))
    rows += _lips_rows(_lips(seen, by_pts, heard, stimulus), skew)
    rows += _frame_rows(Frames.of(seen, fps))
    told = matches(heard.told, heard.microphone, 1.0)
    if told:
        apart = [there - at for at, there in told]
        more = "; before a sink plays a sound, recorders have it already"
        rows.append(_spread("clocks", "recorded less played", apart, more=more))
    return rows


def _lips(seen: Sequence[Seen], by_pts: Sequence[tuple[float, float]], heard: Heard, stimulus: Stimulus) -> Lips | None:
    in_stimulus = matches(stimulus.clicks, heard.microphone)
    if not by_pts or not in_stimulus:
        return None
    # where the stimulus begins, first on our clock, then in PTS
    began = median(there - at for at, there in in_stimulus)
    began_pts = (began - median(there - at for at, there in by_pts)) * SAMPLE_RATE
    first: dict[int, Seen] = {}
    for picture in seen:
        if picture.frame is not None:
            first.setdefault(picture.frame.number, picture)
    return follow(list(first), [picture.small for picture in first.values()], stimulus.speech(), began_pts)


def _lips_rows(lips: Lips | None, skew: float | None) -> list[Row]:
    if lips is None or lips.correlation < LEAST_CORRELATION:
        why = "no mouth was seen to follow the speech" if lips else "too little speech and silence was seen"
        return [Row("lips", "mouth after its sound", None, "ms", note=why)]
    found = f"correlation {lips.correlation:.2f}, from the pixels, good for about 20 ms"
    rows = [Row("lips", "mouth after its sound", lips.lag * 1000, "ms", note=found)]
    if skew is not None:
        total = (skew + lips.lag) * 1000
        rows.append(Row("lips_skew", "lips against voice", total, "ms", NOTICED_LATE, NOTICED_EARLY, "skew + mouth"))
    return rows


def _frame_rows(frames: Frames) -> list[Row]:
    jitter = np.abs(frames.jitter) * 1000
    note = (
        f"p95 {np.percentile(jitter, 95):.1f}, most {jitter.max():.1f} ms off the even pace"
        if len(jitter)
        else "no picture was read"
    )
    twice = f", {frames.twice} arrived twice" if frames.twice else ""
    return [
        Row("jitter", "jitter of frame times, p50", float(np.median(jitter)) if len(jitter) else None, "ms", note=note),
        Row(
            "dropped",
            "dropped frames",
            frames.lost + frames.unshown if frames.arrived > frames.unreadable else None,
            "",
            high=0,
            note=f"of {frames.arrived + frames.lost}: {frames.lost} lost, {frames.unshown} not drawn in time",
        ),
        Row("repeated", "repeated frames", frames.repeated + frames.twice, "", note=f"an older one was shown{twice}"),
        Row("unreadable", "unreadable pictures", frames.unreadable, "", note="without marks"),
    ]


def _spread(
    key: str, name: str, times: list[float], low: float | None = None, high: float | None = None, more: str = ""
) -> Row:
    """The median of some times in s as a row in ms, with their range."""
    if not times:
        return Row(key, name, None, "ms", low, high, f"no clicks came through{more}")
    found = np.array(times) * 1000
    note = f"{len(times)} clicks, {found.min():.1f} to {found.max():.1f}{more}"
    return Row(key, name, float(np.median(found)), "ms", low, high, note)


def _range(promised: tuple[float, float]) -> str:
    low, high = (round(seconds * 1000) for seconds in promised)
    return f"{low} ms" if low == high else f"{low} to {high} ms"
