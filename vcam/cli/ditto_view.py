"""What can be said of a ditto profile before anything is loaded: its delay, and whether its checkpoint is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vcam.choices import Choice, refused
from vcam.errors import AnimatorError

if TYPE_CHECKING:
    from vcam.animators.ditto.presets import Plan
    from vcam.profile.model import Profile


def expected_delay(profile: Profile) -> str:
    """What `vcam start` says of the delay before it can measure; "" if the profile does not ask for ditto.

    Raises AnimatorError for a setting that cannot be used.
    """
    if profile.animator.kind != "ditto":
        return ""
    return f"ditto, {profile.animator.quality}: {_delay(_plan(profile))}, plus gate, computing and microphone"


def ditto_choices(profile: Profile) -> list[tuple[str, Choice]]:
    """Rows of `vcam profile check` on checkpoint and quality; none for a profile that lite serves."""
    kind = profile.animator.kind
    if kind == "lite":
        return []
    checkpoint = _checkpoint(profile)
    if kind == "auto" and not checkpoint.ok:
        return []  # the animator's own row says why
    rows = [("checkpoint", checkpoint)]
    try:
        plan = _plan(profile)
    except AnimatorError as error:
        return [*rows, ("quality", refused(error))]
    options = plan.options
    chunk = plan.chunking
    why = (
        f"{_delay(plan)}; {options.sampling_timesteps} diffusion steps, overlap {options.overlap_v2},"
        f" chunks of {chunk.past}, {chunk.now}, {chunk.future}"
    )
    return [*rows, ("quality", Choice("quality", profile.animator.quality, why))]


def _delay(plan: Plan) -> str:
    from vcam.media import ms

    return f"{ms(plan.algorithmic_latency):.0f} ms of listening before a face is drawn"


def _plan(profile: Profile) -> Plan:
    """What decides on delay and steps, as a session would have it. Every quality says both, whatever the checkpoint."""
    from vcam.animators.ditto.options import RunOptions
    from vcam.animators.ditto.presets import profile_plan

    return profile_plan(profile, RunOptions())


def _checkpoint(profile: Profile) -> Choice:
    from vcam.animators.ditto.checkpoint import Checkpoint
    from vcam.animators.ditto.location import checkpoint_folder
    from vcam.animators.ditto.networks import NETWORKS

    if profile.animator.ditto.stand_in:
        return Choice("checkpoint", "stand-ins", "tiny networks in place of the weights")
    try:
        checkpoint = Checkpoint.open(checkpoint_folder(profile))
        checkpoint.require(spec for spec in NETWORKS.values() if not _unused(spec.name, profile))
    except AnimatorError as error:
        return refused(error)
    return Choice("checkpoint", str(checkpoint.folder), "complete")


def _unused(network: str, profile: Profile) -> bool:
    return profile.animator.ditto.landmarks == "lite" and network in ("insightface_det", "landmark106")
