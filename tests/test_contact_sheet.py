"""The script that puts an avatar's frames side by side: what it makes, and what it says of what it cannot."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from PIL import Image

from vcam.audio.demo import demo_path

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
TILE = 132  # pixels: a face


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the script would write."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "contact-sheet.png"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setattr(sys, "argv", ["contact_sheet.py", *arguments])
    importlib.import_module("contact_sheet").main()


def test_one_face_for_so_many_frames(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    run(monkeypatch, str(demo_path()), "--start", "1", "--seconds", "0.4", "--every", "2", "--columns", "62")
    with Image.open(made) as picture:
        assert picture.width == 62 * TILE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["DEMO", "--start", "9999"], "nothing to show from 9999 s on: it lasts"),
        (["DEMO", "--start", "-1"], "--start: expected a number of seconds"),
        (["DEMO", "--start", "nan"], "--start: expected a number of seconds"),
        (["DEMO", "--seconds", "0"], "--seconds 0 is less than a frame"),
        (["DEMO", "--every", "0"], "--every: expected a whole number from 1 on"),
        (["DEMO", "--columns", "0"], "--columns: expected a whole number from 1 on"),
        (["DEMO", "--columns", "70"], "--columns 70 is too many: 62 fit into the widest sheet"),
        (["--expressions", "--columns", "70"], "--columns 70 is too many: 17 fit into the widest sheet"),
        (["--expressions", "--avatar", "nobody"], "There is no avatar 'nobody'"),
        (["no-such.wav"], "no audio file no-such.wav"),
        ([], "AUDIO or --expressions is needed"),
    ],
)
def test_what_cannot_be_shown_is_said_plainly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made: Path, arguments: list[str], words: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, *(str(demo_path()) if word == "DEMO" else word for word in arguments))
    assert caught.value.code == 2
    assert words in capsys.readouterr().err
    assert not made.exists()
