"""A session's output of the voice: in step with the lips, or directly."""

from __future__ import annotations

import json
import threading

import pytest

from tests.live.parts import CountingAnimator, Loudspeaker
from tests.session.bench import PROFILE, Bench
from tests.waiting import wait_until
from vcam.card import draw_card
from vcam.errors import OutputError
from vcam.session import Session


def with_output(output: Loudspeaker, *, optional: bool = False, **settings: str) -> Bench:
    bench = Bench()
    profile = PROFILE.with_changes("audio", output={"device": "virtual-mic", **settings})
    bench.session = Session(
        profile,
        bench.microphone,
        lambda: bench.camera,
        make_animator=bench.make_counting,
        output=output,
        optional=optional,
    )
    return bench


def heard(output: Loudspeaker) -> bool:
    return bool(output.heard) and bool(output.heard[-1][1].any())


def test_the_voice_is_played_with_the_lips_and_both_end_together() -> None:
    output = Loudspeaker()
    with with_output(output).session as session:
        wait_until(lambda: session.status()["audio"]["output"]["delay_ms"] is not None)
        status = json.loads(json.dumps(session.status()))["audio"]["output"]
        assert status["mode"] == "sync"
        assert status["delay_ms"] == pytest.approx(session.latency.total * 1000, abs=20)
        assert abs(status["skew_ms"]) <= 20
        wait_until(lambda: heard(output))
    assert output.closed
    assert output.discarded == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]


def test_directly_played_the_voice_is_ahead_of_the_lips_and_the_status_says_so() -> None:
    output = Loudspeaker()
    output.held = 0.001
    bench = with_output(output, mode="direct")
    bench.make_counting = lambda profile: (slow_to_answer(), "")  # type: ignore[method-assign]
    bench.session._make_animator = bench.make_counting
    with bench.session as session:
        wait_until(lambda: session.status()["audio"]["output"]["skew_ms"] is not None)
        status = session.status()["audio"]["output"]
        assert status["mode"] == "direct"
        assert status["skew_ms"] == pytest.approx(session.latency.total * 1000 - status["delay_ms"], abs=0.2)
        assert status["skew_ms"] > 100


def slow_to_answer() -> CountingAnimator:
    animator = CountingAnimator(320, 240)
    animator.compute_allowance = 0.2
    return animator


def test_the_picture_waits_for_an_output_that_takes_longer_than_the_animator() -> None:
    output = Loudspeaker()
    output.held = 0.5
    with with_output(output).session as session:
        assert session.latency.voice > 0.3
        assert session.latency.total == pytest.approx(0.5 + 0.03 + 0.01 + session.latency.source, abs=0.001)
        wait_until(lambda: session.status()["audio"]["output"]["delay_ms"] is not None)
        assert abs(session.status()["audio"]["output"]["skew_ms"]) <= 20


def test_an_output_that_goes_away_degrades_the_session_and_comes_back() -> None:
    output = Loudspeaker()
    bench = with_output(output)
    with bench.session as session:
        wait_until(lambda: heard(output))
        output.plugged = False
        wait_until(lambda: session.state == "degraded")
        assert any("loudspeaker was unplugged" in text for text in session.status()["warnings"])
        bench.shown(0.5)
        output.plugged = True
        wait_until(lambda: session.state == "live")
        wait_until(lambda: heard(output))
    assert bench.rate_kept()


def test_no_output_is_an_error_unless_it_was_optional() -> None:
    output = Loudspeaker()
    output.plugged = False
    bench = with_output(output)
    with pytest.raises(OutputError, match="not there"):
        bench.session.start()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]
    with with_output(output, optional=True).session as session:
        assert session.state == "live"
        assert session.status()["audio"]["output"] is None
        assert any("not played to others" in text for text in session.status()["warnings"])


def test_a_mute_before_it_is_live_silences_the_output_too() -> None:
    output = Loudspeaker()
    bench = with_output(output)
    bench.session.mute()
    with bench.session as session:
        wait_until(lambda: session.status()["audio"]["output"]["delay_ms"] is not None)
        bench.shown(0.5)
        assert not heard(output)
        session.unmute()
        wait_until(lambda: heard(output))


def test_a_cut_shows_the_card_and_is_silent_until_resumed() -> None:
    output = Loudspeaker()
    bench = with_output(output)
    card = int(draw_card(320, 240).i420[0, 0])
    with bench.session as session:
        wait_until(lambda: heard(output))
        session.cut()
        assert session.state == "cut"
        seen = len(bench.camera.pictures) + 1  # one may have been on its way
        wait_until(lambda: len(bench.camera.pictures) > seen + 5)
        assert {value for _, _, value in bench.camera.pictures[seen : seen + 5]} == {card}
        assert not heard(output)
        assert bench.animators[0].away
        status = session.status()
        assert (status["cut"], status["paused"], status["muted"]) == (True, True, False)
        session.resume()
        assert session.state == "live"
        wait_until(lambda: heard(output))
        wait_until(lambda: bench.camera.pictures[-1][2] != card)


def test_a_cut_before_it_is_live_shows_the_card_from_the_first_picture_that_is_live(bench: Bench) -> None:
    bench.session.cut()
    card = int(draw_card(320, 240).i420[0, 0])
    with bench.session as session:
        bench.shown(0.3)
        assert session.state == "cut"
        assert {value for _, _, value in bench.camera.pictures[-5:]} == {card}


def test_when_the_delay_is_raised_the_voice_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vcam.live.supervisor.WATCH_WINDOW", 0.5)
    output = Loudspeaker()
    bench = with_output(output)
    with bench.session as session:
        wait_until(lambda: heard(output))
        before = session.latency.delay
        bench.microphone.late = 0.2
        wait_until(lambda: session.latency.delay > before + 0.15)
        wait_until(lambda: abs(session.status()["audio"]["output"]["skew_ms"]) <= 20)
        assert session.status()["audio"]["output"]["delay_ms"] > (before + 0.15) * 1000


def test_a_voice_that_is_interrupted_again_and_again_gets_more_time_and_so_do_the_lips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vcam.live.supervisor.WATCH_WINDOW", 0.5)
    output = Loudspeaker()
    bench = with_output(output)
    with bench.session as session:
        wait_until(lambda: heard(output))
        before = session.latency.delay
        player = session._parts.player
        assert player is not None

        def raised() -> bool:
            player.interruptions += 1
            return session.latency.delay > before + 0.019

        wait_until(raised)
        assert any("the delay was raised" in text for text in session.status()["warnings"])
        wait_until(lambda: session.status()["audio"]["output"]["delay_ms"] is not None)
        wait_until(lambda: abs(session.status()["audio"]["output"]["skew_ms"]) <= 20)
