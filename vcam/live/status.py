"""The state of a session as a dictionary, for `vcam status`, the web pages and the control socket."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from vcam.build import camera_format
from vcam.live.latency import LatencyPlan
from vcam.live.parts import Parts
from vcam.live.worker import AnimatorWorker
from vcam.profile.model import Profile


def describe(profile: Profile, parts: Parts, started: float) -> dict[str, Any]:
    """All that the parts tell, ready for JSON. ``started``: the monotonic time that "first_picture_s" counts from."""
    worker, plan = parts.animation.worker, parts.delay.plan
    return {
        "profile": profile.name,
        "avatar": profile.avatar.portrait,
        "animator": worker.animator.kind if worker is not None else profile.animator.kind,
        "audio": _audio(profile, parts),
        "camera": _camera(profile, parts, started),
        "latency_ms": _latency(plan, worker),
        "stages": [asdict(stage) for stage in worker.animator.stages()] if worker is not None else [],
        "queues": {
            "chunks": len(parts.chunks),
            "poses": worker.waiting if worker is not None else 0,
            "pictures": len(parts.store),
        },
        "expressions": list(worker.animator.expressions) if worker is not None else [],
        "warnings": parts.notices.texts(),
    }


def _audio(profile: Profile, parts: Parts) -> dict[str, Any]:
    pump = parts.pump
    return {
        "device": parts.source.name,
        "sample_rate": parts.source.device_rate,
        "level_dbfs": round(pump.meter.dbfs, 1) if pump is not None else None,
        "speech": pump is not None and pump.speech,
        "overruns": pump.overruns if pump is not None else 0,
        "output": _output(profile, parts),
    }


def _output(profile: Profile, parts: Parts) -> dict[str, Any] | None:
    player = parts.player
    if player is None:
        return None
    delay = player.delay
    skew = None if delay is None else round((parts.delay.plan.total - delay) * 1000, 1) + 0.0  # no "-0.0"
    return {**player.status(), "mode": profile.audio.output.mode, "skew_ms": skew}


def _camera(profile: Profile, parts: Parts, started: float) -> dict[str, Any]:
    presenter = parts.presenter
    camera, first = presenter.camera, presenter.first_picture_at
    format = camera.format if camera is not None else camera_format(profile)
    return {
        "kind": camera.kind if camera is not None else profile.camera.kind,
        "device": camera.device if camera is not None else None,
        "width": format.width,
        "height": format.height,
        "fps": float(format.fps),
        "presented": presenter.presented,
        "repeated": presenter.repeated,
        "skipped": parts.skipped,
        "missed": presenter.missed,
        "first_picture_s": round(first - started, 3) if first is not None else None,
    }


def _latency(plan: LatencyPlan, worker: AnimatorWorker | None) -> dict[str, float]:
    return {
        "algorithmic": round(plan.algorithmic * 1000, 1),
        "compute_allowed": round(plan.compute * 1000, 1),
        "compute_p50": round(worker.frame_times.percentile_ms(50), 2) if worker is not None else 0.0,
        "compute_p95": round(worker.frame_times.percentile_ms(95), 2) if worker is not None else 0.0,
        "device": round((plan.source + plan.camera) * 1000, 1),
        "voice": round(plan.voice * 1000, 1),
        "total": round(plan.total * 1000, 1),
    }
