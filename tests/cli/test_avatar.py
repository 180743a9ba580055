"""`vcam avatar`: the commands as a user runs them, and the editor's page with them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
import yaml
from playwright.sync_api import expect
from typer.testing import CliRunner, Result

from tests.animators.lite.photo.checkpoints import checkpoint_that_knows
from tests.animators.lite.photo.faces import portrait
from tests.browser import chromium
from tests.waiting import wait_until
from vcam.animators.base import Scene
from vcam.animators.lite import LiteAnimator, list_avatars
from vcam.animators.lite.photo import Landmarks
from vcam.animators.lite.photo.package import avatars_dir, list_user_avatars, load_package, save_package
from vcam.animators.lite.photo.propose import propose_landmarks
from vcam.cli import avatar
from vcam.images import read_image
from vcam.profile.model import LiteOptions

pytestmark = pytest.mark.usefixtures("data_home")

Keep = Callable[[str], None]

app = typer.Typer()
avatar.register(app)


@app.callback()
def options() -> None:
    """More than one command, so that ``avatar`` must be named."""


@pytest.fixture
def data_home(private_user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this user's avatars are kept; nothing is there yet, and no browser opens by itself."""
    folder = tmp_path / "user" / "data_home"
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    monkeypatch.setenv("VCAM_CHECKPOINTS", str(tmp_path / "no-checkpoint"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn person, 854x480."""
    file = tmp_path_factory.mktemp("pictures") / "Our Robin (2).png"
    rgb = LiteAnimator("robin", LiteOptions(), Scene(854, 480)).portrait()
    cv2.imwrite(str(file), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return file


@pytest.fixture(scope="module")
def landmarks(picture: Path) -> Landmarks:
    return propose_landmarks(read_image(picture)).landmarks


@pytest.fixture
def keep(picture: Path, landmarks: Landmarks) -> Keep:
    """Stores an avatar of the picture under a name."""

    def stored(name: str) -> None:
        save_package(name, read_image(picture), landmarks)

    return stored


def vcam(*arguments: str | Path, code: int = 0, answer: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["avatar", *map(str, arguments)], answer, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


# -- new without a page -----------------------------------------------------------------------------------------------


def test_a_picture_becomes_an_avatar(picture: Path) -> None:
    said = vcam("new", picture, "--no-open").stdout
    assert re.match(r"Face of \d+x\d+ pixels at \d+,\d+: sure \(\d+%, by mtcnn\)\.\n", said)
    assert "Saved: Our-Robin-2\n" in said
    assert "  vcam switch Our-Robin-2\n" in said
    assert "  avatar: {portrait: Our-Robin-2}\n" in said
    made = load_package("Our-Robin-2")
    assert made.rgb.shape == (480, 854, 3)
    assert 0.4 < made.landmarks.nose[0] / 854 < 0.6


def test_a_small_face_in_a_large_photograph_stays_sharp(tmp_path: Path) -> None:
    file = tmp_path / "~far away.jpg"
    cv2.imwrite(str(file), portrait(3000, 2000, unit=60)[0])
    said = vcam("new", file, "--no-open", "--name", "far").stdout
    assert "The face is small in this picture: the 1920x1920 pixels around it are kept." in said
    assert load_package("far").landmarks.frame.unit == pytest.approx(60, rel=0.06)


def test_no_avatar_is_replaced_by_accident(picture: Path) -> None:
    vcam("new", picture, "--no-open", "--name", "me")
    before = (avatars_dir() / "me" / "avatar.yaml").stat().st_mtime_ns
    refused = vcam("new", picture, "--no-open", "--name", "me", code=1)
    assert "You have an avatar 'me' already." in refused.stderr
    assert "vcam avatar edit me" in refused.stderr
    assert (avatars_dir() / "me" / "avatar.yaml").stat().st_mtime_ns == before
    vcam("new", picture, "--no-open", "--name", "me", "--force")
    assert (avatars_dir() / "me" / "avatar.yaml").stat().st_mtime_ns != before


def test_no_avatar_hides_a_profile(picture: Path) -> None:
    refused = vcam("new", picture, "--no-open", "--name", "privacy", code=1)
    assert "There is a profile 'privacy'" in refused.stderr
    assert list_user_avatars() == []


def test_a_broken_picture_is_complained_of_once(tmp_path: Path, picture: Path) -> None:
    file = tmp_path / "cut.png"
    file.write_bytes(picture.read_bytes()[:5000])
    command = [sys.executable, "-m", "vcam", "avatar", "new", str(file), "--no-open"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "is damaged and cannot be decoded" in done.stderr
    assert "WARN" not in done.stderr


@pytest.mark.parametrize("name", ["robin", "Puppet", "../me", "a/b", "", ".hidden", "con", "x" * 65])
def test_names_that_cannot_be_used_are_refused_before_anything_is_done(
    picture: Path, name: str, data_home: Path
) -> None:
    refused = vcam("new", picture, "--no-open", "--force", "--name", name, code=1)
    assert refused.stdout == ""
    assert not (data_home / "vcam").exists()


def test_pictures_without_a_face_and_no_pictures_are_refused(tmp_path: Path, data_home: Path) -> None:
    blank = tmp_path / "wall.png"
    cv2.imwrite(str(blank), np.full((300, 300, 3), 128, np.uint8))
    assert "No face was found in this picture." in vcam("new", blank, "--no-open", code=1).stderr
    text = tmp_path / "text.png"
    text.write_text("no picture")
    assert "not a picture that vcam can read" in vcam("new", text, "--no-open", code=1).stderr
    assert "cannot be read" in vcam("new", tmp_path / "nowhere.png", "--no-open", code=1).stderr
    assert "~nobody-of-that-name/x.png cannot be read" in vcam("new", "~nobody-of-that-name/x.png", code=1).stderr
    assert "~nobody-of-that-name/x.png" in vcam("show", "~nobody-of-that-name/x.png", code=1).stderr
    assert not (data_home / "vcam").exists()


@pytest.fixture
def checkpoint(data_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = checkpoint_that_knows(tmp_path / "checkpoint")
    monkeypatch.setenv("VCAM_CHECKPOINTS", str(folder))
    return folder


@pytest.mark.usefixtures("checkpoint")
def test_a_checkpoints_networks_find_the_points_unless_they_are_not_wanted(tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.png"
    cv2.imwrite(str(drawn), cv2.cvtColor(portrait(640, 480, unit=76)[0], cv2.COLOR_RGB2BGR))
    said = vcam("new", drawn, "--no-open").stdout
    assert re.match(r"Face of \d+x\d+ pixels at \d+,\d+: sure \(\d+%, by networks\)\.\n", said)
    assert "non-commercial" in said
    free = vcam("new", drawn, "--no-open", "--force", "--landmarks", "mesh").stdout
    assert "by mesh" in free
    lite = vcam("new", drawn, "--no-open", "--force", "--landmarks", "lite").stdout
    assert "by mtcnn)" in lite
    assert "non-commercial" not in free + lite
    vcam("new", drawn, "--no-open", "--force", "--landmarks", "magic", code=2)


# -- list, show, remove -----------------------------------------------------------------------------------------------


def test_bundled_and_own_avatars_are_listed(keep: Keep) -> None:
    keep("me")
    (avatars_dir() / "bad").mkdir()
    (avatars_dir() / "bad" / "avatar.yaml").write_text("name: [")
    text = vcam("list").stdout
    rows = {words[0]: words[1:] for words in map(str.split, text.splitlines()) if words}
    assert set(list_avatars()) < set(rows)
    assert rows["robin"][0] == "bundled"
    assert rows["me"][:2] == ["yours", "854x480"]
    assert rows["me"][-1] == str(avatars_dir() / "me")
    assert rows["bad"][:2] == ["yours", "broken"]
    assert "bad: " in text


def test_what_is_in_an_avatar_is_shown(keep: Keep) -> None:
    keep("me")
    text = vcam("show", "me").stdout
    assert re.search(r"^picture: +854x480$", text, re.MULTILINE)
    assert re.search(r"^face: +\d+x\d+ pixels, from \d+,\d+ to \d+,\d+$", text, re.MULTILINE)
    facts = json.loads(vcam("show", "me", "--json").stdout)
    assert facts["picture"] == [854, 480]
    assert facts["points"]["nose"] == [round(value, 1) for value in load_package("me").landmarks.nose]
    assert json.loads(vcam("show", "robin", "--json").stdout)["from"] == "bundled, drawn in layers"
    assert "Did you mean 'me'?" in vcam("show", "mee", code=1).stderr


def test_which_face_ditto_takes_is_shown(keep: Keep, picture: Path) -> None:
    keep("me")
    assert "ditto:   There is no checkpoint in" in vcam("show", "me").stdout
    first = vcam("show", "me", "--stand-in")
    assert re.search(
        r"^ditto: +\d+x\d+ pixels, from \d+,\d+ to \d+,\d+; 1 face in 854x480$", first.stdout, re.MULTILINE
    )
    assert re.search(r"^ +\d+ pixels are drawn anew with 512: as sharp as the picture$", first.stdout, re.MULTILINE)
    assert "Stand-in networks guess" in first.stdout
    assert "looks at the picture" in first.stderr
    again = vcam("show", "me", "--stand-in", "--json")
    assert "looks at the picture" not in again.stderr  # it is kept
    ditto = json.loads(again.stdout)["ditto"]
    left, top, right, bottom = ditto["face"]
    nose = load_package("me").landmarks.nose
    assert left < nose[0] < right
    assert top < nose[1] < bottom
    assert ditto["picture"] == [854, 480]
    assert ditto["crop"] > bottom - top


def test_a_picture_can_be_shown_before_it_is_an_avatar(picture: Path, tmp_path: Path) -> None:
    text = vcam("show", picture).stdout
    assert f"vcam avatar new '{picture}'" in text  # its name has spaces
    assert "There is no checkpoint" in text
    facts = json.loads(vcam("show", picture, "--stand-in", "--json").stdout)
    assert (facts["from"], facts["picture"], facts["ditto"]["faces"]) == ("a picture", [854, 480], 1)
    assert "cannot be read" in vcam("show", tmp_path / "nowhere.png", code=1).stderr
    blank = tmp_path / "wall.png"
    cv2.imwrite(str(blank), np.full((300, 300, 3), 128, np.uint8))
    assert "No face was found" in vcam("show", blank, "--stand-in", code=1).stderr
    assert "Did you mean 'robin'?" in vcam("show", "roben", code=1).stderr


def test_an_avatar_is_removed_when_that_is_meant(keep: Keep) -> None:
    keep("me")
    vcam("remove", "me", answer="n\n", code=1)
    assert list_user_avatars() == ["me"]
    assert str(avatars_dir() / "me") in vcam("remove", "me", answer="y\n").stdout
    assert list_user_avatars() == []
    keep("me")
    vcam("remove", "me", "--yes")
    assert list_user_avatars() == []
    assert "You have no avatar 'me'" in vcam("remove", "me", code=1).stderr
    assert "comes with vcam and cannot be removed" in vcam("remove", "robin", "--yes", code=1).stderr
    assert "comes with vcam and cannot be edited" in vcam("edit", "robin", code=1).stderr


# -- with the page, in processes of their own -------------------------------------------------------------------------


class Editing:
    """`vcam avatar new` or `edit` in a process, waiting for its page."""

    def __init__(self, *arguments: str | Path) -> None:
        command = [sys.executable, "-m", "vcam", "avatar", *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = ""

    def address(self) -> str:
        assert self.process.stdout is not None
        while not (match := re.search(r"^Editor: (http://127\.0\.0\.1:\d+/\?token=\S+)$", self.said, re.MULTILINE)):
            line = self.process.stdout.readline()
            assert line, f"no address: {self.said}"
            self.said += line
        return match[1]

    def end(self) -> int:
        rest, _ = self.process.communicate(timeout=30)
        self.said += rest
        return self.process.returncode


@contextmanager
def editing(*arguments: str | Path) -> Iterator[Editing]:
    command = Editing(*arguments)
    try:
        yield command
    finally:
        command.process.kill()
        command.process.communicate()


@pytest.mark.browser
def test_a_point_is_moved_on_the_page_and_kept(picture: Path) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        with editing("new", picture, "--name", "me") as command:
            page.goto(command.address())
            expect(page.locator("#found")).to_contain_text("sure")
            page.get_by_role("radio", name="Nose").click()
            page.get_by_role("button", name="Tip of the nose").focus()
            page.keyboard.press("Shift+ArrowRight")
            expect(page.locator("#state")).to_have_text("Changed, not saved yet")
            position = [float(value) for value in page.locator("#position").inner_text().split(", ")]
            assert list_user_avatars() == []
            page.get_by_role("button", name="Save avatar").click()
            assert command.end() == 0
            assert "Saved: me\n" in command.said
        kept = yaml.safe_load((avatars_dir() / "me" / "avatar.yaml").read_text())
        assert kept["landmarks"]["nose"] == pytest.approx(position, abs=0.051)

        with editing("edit", "me") as command:
            page.goto(command.address())
            expect(page.locator("#state")).to_have_text("As saved")
            page.get_by_role("button", name="Back to the proposal").click()
            expect(page.locator("#state")).to_have_text("Unsaved changes")
            page.get_by_role("button", name="Save avatar").click()
            assert command.end() == 0
        kept = yaml.safe_load((avatars_dir() / "me" / "avatar.yaml").read_text())
        assert kept["landmarks"]["nose"][0] == pytest.approx(position[0] - 10, abs=0.2)


@pytest.mark.browser
def test_cancelling_on_the_page_keeps_nothing(picture: Path, data_home: Path) -> None:
    with chromium() as browser, editing("new", picture, "--name", "me") as command:
        page = browser.new_page()
        page.goto(command.address())
        page.get_by_role("button", name="Cancel").click()
        assert command.end() == 1
        assert command.said.endswith("Cancelled. Nothing was saved.\n")
        expect(page.get_by_role("heading", name="Nothing was saved")).to_be_visible()
        assert not (data_home / "vcam").exists()


@pytest.mark.browser
@pytest.mark.skipif(sys.platform != "linux", reason="browsers are named otherwise there")
def test_a_browser_that_stays_holds_nothing_up(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stays, opened = tmp_path / "stays", tmp_path / "opened"
    stays.write_text(f"#!/bin/sh\ntouch '{opened}'\nexec sleep 60 >/dev/null 2>&1\n")
    stays.chmod(0o755)
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setenv("BROWSER", str(stays))
    with chromium() as browser, editing("new", picture, "--name", "me") as command:
        page = browser.new_page()
        page.goto(command.address())
        wait_until(opened.exists)
        page.get_by_role("button", name="Save avatar").click()
        assert command.end() == 0
    assert list_user_avatars() == ["me"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_keeps_nothing(picture: Path, data_home: Path) -> None:
    with editing("new", picture, "--name", "me") as command:
        command.address()
        command.process.send_signal(signal.SIGINT)
        assert command.end() == 130
        assert command.said.endswith("Nothing was saved.\n")
        assert not (data_home / "vcam").exists()
