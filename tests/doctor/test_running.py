"""`vcam doctor` as a whole: which checks there are, and how they are run."""

from __future__ import annotations

import json
import threading

from vcam.doctor import ALL_CHECKS, Check, can_work, run_checks, versions


def test_all_checks_answer_under_their_own_names() -> None:
    found = run_checks()
    assert [check.name for check in found] == [name for name, _, _ in ALL_CHECKS]
    for check in found:
        assert check.detail
        assert "\n" not in check.detail + check.fix
        assert "No answer" not in check.detail
        assert "check itself failed" not in check.detail
        assert check.fix or check.status in ("ok", "info") or check.detail.startswith("Not known")


def test_what_an_installation_needs_is_good_here() -> None:
    found = {check.name: check for check in run_checks()}
    for name in ("python", "packages", "folders", "profiles", "portrait", "recording"):
        assert found[name].status == "ok", found[name]


def test_a_check_that_hangs_is_cut_off_and_the_others_are_told() -> None:
    never = threading.Event()

    def hang() -> Check:
        never.wait()
        return Check("hang", "ok", "")

    def answer() -> Check:
        return Check("quick", "ok", "fine")

    found = run_checks((("hang", hang, False), ("needed", hang, True), ("quick", answer, True)), limit=0.2)
    never.set()
    assert [(check.name, check.status) for check in found] == [("hang", "warn"), ("needed", "fail"), ("quick", "ok")]
    assert "No answer within 0.2 s" in found[0].detail


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> Check:
        raise ZeroDivisionError("by design")

    (found,) = run_checks((("broken", broken, False),))
    assert (found.name, found.status) == ("broken", "warn")
    assert "ZeroDivisionError: by design" in found.detail


def test_only_what_the_main_job_needs_prevents_it() -> None:
    good, poor, bad = (Check("x", status, "") for status in ("ok", "warn", "fail"))
    assert can_work([good, poor])
    assert not can_work([good, bad])


def test_versions_name_what_helpers_ask_for() -> None:
    found = versions()
    assert {"vcam", "python", "system", "executable", "numpy", "av", "opencv-python-headless"} <= set(found)
    json.dumps(found)
