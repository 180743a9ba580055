"""The landmark editor's server: what it lets through."""

from __future__ import annotations

import pytest

from tests.web.client import rgb_of
from tests.web.editor_desk import OpenDesk, ask, moved, points_of, rounded
from vcam.animators.lite.photo import Landmarks
from vcam.web.editor.layout import layout_of
from vcam.web.editor.subject import Outcome

# -- Who may ask, and for what ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/state.json", "/picture.jpg", "/stream.mjpg", "/events", "/editor.js"])
def test_nothing_is_shown_without_the_key(open_desk: OpenDesk, path: str) -> None:
    with open_desk() as desk:
        assert ask(desk, path, token="wrong").status == 403


def test_strangers_hear_what_is_true_of_the_editor(open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        page = ask(desk, "/", token="wrong").body.decode()
        assert "This editor is private" in page
        assert "Continue to the editor" in page
        assert "preview" not in page
        assert "vcam status" not in page


@pytest.mark.parametrize("path", ["/points", "/save", "/cancel", "/mode"])
def test_nothing_is_changed_without_the_key_from_elsewhere_or_under_another_name(
    open_desk: OpenDesk, path: str, proposal: Landmarks
) -> None:
    body = {"points": proposal.points()}
    with open_desk() as desk:
        assert ask(desk, path, body, token="wrong").status == 403
        assert ask(desk, path, body, headers={"origin": "http://example.org"}).status == 403
        assert ask(desk, path, body, headers={"host": "example.org"}).status == 400
        assert ask(desk, path).status == 405
        assert desk.stored == []


@pytest.mark.parametrize("path", ["/../vcam/__init__.py", "/static/index.html", "/index.html", "/%2e%2e/app.py"])
def test_no_path_leads_to_another_file(open_desk: OpenDesk, path: str) -> None:
    with open_desk() as desk:
        assert ask(desk, path).status == 404


def test_large_bodies_are_refused_unread(open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        assert ask(desk, "/points", b"x" * 17 * 1024).status == 413
        assert ask(desk, "/points", b"2\r\n{}\r\n0\r\n\r\n", headers={"transfer-encoding": "chunked"}).status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[" * 10_000,
        b'{"points": {}}',
        b'{"points": {"nose": [NaN, 1]}}',
        b'{"points": {"nose": ["1", 1]}}',
        b'{"points": {"nose": [1, 1, 1]}}',
        b'{"points": {"nose": [1, -1]}}',
        b'{"points": {"__class__.__init__": [1, 1]}}',
        b'{"points": {}, "path": "/etc/passwd"}',
    ],
)
def test_what_is_no_message_is_refused(open_desk: OpenDesk, body: bytes, proposal: Landmarks) -> None:
    with open_desk() as desk:
        for path in ("/points", "/save"):
            answer = ask(desk, path, body)
            assert answer.status == 422
            assert "error" in answer.json
        assert desk.stored == []
        assert points_of(desk) == rounded(proposal.points())


@pytest.mark.parametrize(
    ("name", "dx", "dy", "why"),
    [
        ("nose", 5000, 0, "outside the picture"),
        ("eye_left.iris", 100, 0, "no face"),
        ("jaw.chin", 0, -100, "chin must be below the mouth"),
    ],
)
def test_points_that_are_no_face_are_refused_with_the_reason(
    open_desk: OpenDesk, proposal: Landmarks, name: str, dx: float, dy: float, why: str
) -> None:
    with open_desk() as desk:
        for path in ("/points", "/save"):
            answer = ask(desk, path, {"points": moved(proposal, name, dx, dy)})
            assert answer.status == 422
            assert why in answer.json["error"]
        missing = proposal.points()
        del missing["nose"]
        assert ask(desk, "/save", {"points": missing}).status == 422
        assert desk.stored == []


def test_the_browser_may_load_from_here_alone(open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        answer = ask(desk, "/state.json")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert rgb_of(ask(desk, "/picture.jpg").body).shape == (480, 360, 3)


# -- How it ends ------------------------------------------------------------------------------------------------------


def test_what_is_saved_is_what_was_sent(open_desk: OpenDesk, proposal: Landmarks) -> None:
    with open_desk() as desk:
        desk.trouble = "The disk is full."
        answer = ask(desk, "/save", {"points": moved(proposal, "nose", 3, 2)})
        assert (answer.status, answer.json["error"]) == (422, "The disk is full.")
        desk.trouble = ""
        assert ask(desk, "/save", {"points": moved(proposal, "nose", 3, 2)}).status == 200
        outcome = desk.outcome()
        assert outcome.landmarks is desk.stored[0]
        assert desk.stored[0].nose == pytest.approx((proposal.nose[0] + 3, proposal.nose[1] + 2))


def test_cancelling_stores_nothing(open_desk: OpenDesk) -> None:
    with open_desk() as desk:
        assert ask(desk, "/cancel", {}).status == 204
        assert desk.outcome() == Outcome(None, "Cancelled.")
        assert desk.stored == []


def test_points_beyond_the_edge_are_brought_within_reach(open_desk: OpenDesk, proposal: Landmarks) -> None:
    outside = Landmarks.from_points({**proposal.points(), "forehead": (180.0, -40.0)})
    with open_desk(landmarks=outside) as desk:
        assert points_of(desk)["forehead"] == [180.0, 0.0]


def test_every_point_of_a_face_has_a_place_on_the_page(proposal: Landmarks) -> None:
    full = {f"head.{n}": (1.0, 1.0) for n in range(8)} | {"shoulders.left": (1.0, 1.0), "shoulders.right": (2.0, 2.0)}
    names = [*proposal.points(), *full]
    layout = layout_of(names)
    shown = [point.name for group in layout.groups for point in group.points]
    assert sorted(shown) == sorted(names)
    assert {name for group in layout.groups for line in group.lines for name in line.points} <= set(names)
    assert ("mouth.left", "mouth.right") in layout.pairs
    with pytest.raises(ValueError, match="tail"):
        layout_of([*names, "tail"])
