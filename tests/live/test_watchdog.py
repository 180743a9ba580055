from __future__ import annotations

import logging

import pytest

from vcam.live.meters import Notices
from vcam.live.watchdog import Heartbeat, Standstills, Watchdog

PERIOD = 0.1


class Time:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Owner:
    """Waits, and looks at a call after each wait."""

    def __init__(self) -> None:
        self.time = Time()
        self.heartbeat = Heartbeat(PERIOD, self.time)
        self.watchdog = Watchdog(self.heartbeat, 3.0)
        self.stood: list[float] = []

    def look(self, call: float | None, waited: float = PERIOD) -> bool:
        self.time.now += waited
        if stood := self.heartbeat.beat():
            self.stood.append(stood)
        hangs = self.watchdog.hangs(call)
        self.heartbeat.wait_begins()
        return hangs

    def seconds_until_found(self, waited: float = PERIOD) -> float:
        since = self.time.now
        while not self.look(since, waited):
            assert self.time.now < since + 60
        return self.time.now - since


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_a_call_that_does_not_return_is_found_soon_after_the_limit(owner: Owner) -> None:
    assert 3.0 < owner.seconds_until_found() < 3.3
    assert owner.stood == []


def test_calls_that_return_are_never_found(owner: Owner) -> None:
    assert not any(owner.look(float(number // 20)) for number in range(1000))
    assert not any(owner.look(None) for _ in range(100))


@pytest.mark.parametrize("seconds", [2.0, 8.0, 3600.0])
def test_time_in_which_the_machine_stood_still_does_not_count(owner: Owner, seconds: float) -> None:
    assert not any(owner.look(1.0) for _ in range(5))
    assert not owner.look(1.0, seconds)
    assert not any(owner.look(1.0) for _ in range(20))
    assert owner.stood == [pytest.approx(seconds - PERIOD)]
    assert any(owner.look(1.0) for _ in range(10))  # it does hang


def test_one_standstill_after_the_other_within_a_call_is_forgiven_too(owner: Owner) -> None:
    assert not any(owner.look(1.0, 4.0) or owner.look(1.0) for _ in range(8))
    assert len(owner.stood) == 8


def test_on_a_machine_so_busy_that_it_is_looked_at_rarely_it_takes_longer_but_is_found(owner: Owner) -> None:
    assert owner.seconds_until_found(0.2) < 3.5
    assert 5 < owner.seconds_until_found(0.4) < 8
    assert owner.stood == []


def test_what_the_owner_does_itself_is_no_standstill(owner: Owner) -> None:
    owner.look(None)
    owner.time.now += 10  # restarting an animator
    owner.heartbeat.wait_begins()
    assert not owner.look(1.0)
    assert owner.stood == []


def test_standstills_are_told_once_and_then_kept_up_to_date(caplog: pytest.LogCaptureFixture) -> None:
    time, notices = Time(), Notices()
    standstills = Standstills(notices, time)
    standstills.add(6.83)
    assert notices.texts() == ["The machine stood still for 6.8 s: it was paused, asleep or much too busy."]
    for _ in range(3):
        time.now += 20
        standstills.add(2.0)
    assert notices.texts() == [
        "The machine stood still 4 times, 12.8 s in all: it was paused, asleep or much too busy."
    ]
    assert len(caplog.records) == 1
    time.now += 20
    standstills.add(60.0)
    assert len(caplog.records) == 2  # that is news
    time.now += 200
    standstills.add(3.0)
    assert notices.texts() == ["The machine stood still for 3.0 s: it was paused, asleep or much too busy."]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
