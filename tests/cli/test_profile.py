"""`vcam profile`."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from tests.camera.fake_v4l2 import FakeKernel
from vcam.audio.devices import AudioDevice
from vcam.cli import profile
from vcam.profile import Profile, loader

pytestmark = pytest.mark.usefixtures("private_user")

app = typer.Typer()
profile.register(app)


@app.callback()
def options() -> None:
    """More than one command, so that ``profile`` must be named."""


def vcam(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["profile", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def own(private_user: Path) -> Path:
    """The user's profile folder, there already."""
    folder = loader.user_folder()
    folder.mkdir(parents=True)
    return folder


def rows(text: str) -> list[list[str]]:
    return [line.strip().split(maxsplit=2) for line in text.splitlines() if line.strip()]


# -- list and path ---------------------------------------------------------------------------------------------------


def test_the_shipped_profiles_are_listed_with_what_they_are_for() -> None:
    found = {row[0]: row[1:] for row in rows(vcam("list").stdout)}
    assert set(loader.available()) <= set(found)
    assert found["quality"] == ["shipped", "The best picture that this machine can give; the delay may be longer."]


def test_your_own_are_listed_as_yours_and_broken_ones_are_marked(own: Path) -> None:
    (own / "quality.yaml").write_text("# Mine [red] is better.\ncamera: {fps: 25}\n")
    (own / "plain.yaml").write_text("camera: {fps: 25}\n")
    (own / "wrong.yaml").write_text("\ncamera: {fsp: 25}\n")
    (own / "folder.yaml").mkdir()
    text = vcam("list").stdout
    found = {row[0]: row[1:] for row in rows(text)}
    assert found["quality"] == ["yours", "Mine [red] is better."]
    assert found["plain"] == ["yours"]
    assert found["wrong"][1].startswith("broken: ")
    assert "line 2: unknown key camera.fsp" in found["wrong"][1]
    assert "vcam profile check wrong" in text
    assert "not a file" in found["folder"][1]


def test_the_folders_are_named_in_the_order_in_which_they_are_searched() -> None:
    first, second = vcam("path").stdout.splitlines()
    assert first == f"{loader.user_folder()}  (yours, not there yet)"
    assert second == f"{loader.shipped_folder()}  (shipped)"


# -- show ------------------------------------------------------------------------------------------------------------


def test_a_profile_is_shown_with_its_comments() -> None:
    assert vcam("show", "privacy").stdout == (loader.shipped_folder() / "privacy.yaml").read_text("utf-8")


def test_a_broken_profile_can_be_shown_and_cannot_steer_the_terminal(own: Path) -> None:
    (own / "wrong.yaml").write_text("fsp: 1  # \x1b[31mred\n")
    assert vcam("show", "wrong").stdout == "fsp: 1  # ?[31mred\n"


@pytest.mark.parametrize("name", ["default", "privacy", "quality", "ditto"])
def test_the_effective_values_are_yaml_that_means_the_same(name: str, tmp_path: Path) -> None:
    text = vcam("show", name, "--effective").stdout
    assert yaml.safe_load(text).keys() == Profile().model_dump().keys()
    again = tmp_path / "again.yaml"
    again.write_text(text)
    assert loader.load_file(again).model_dump() == loader.load(name).model_dump()


def test_effective_values_that_look_like_something_else_stay_text(own: Path) -> None:
    (own / "odd.yaml").write_text('gate: {kind: off}\ncamera: {badge: "12", device: 3}\naudio: {device: "null"}\n')
    text = vcam("show", "odd", "--effective").stdout
    (own / "again.yaml").write_text(text)
    again = loader.load("again")
    assert again.model_dump() == loader.load("odd").model_dump()
    assert (again.gate.kind, again.camera.badge, again.audio.device) == ("off", "12", "null")


def test_an_unknown_profile_is_refused_with_the_near_ones() -> None:
    result = vcam("show", "privcy", code=1)
    assert result.stdout == ""
    assert result.stderr == 'vcam: There is no profile "privcy".\n  Did you mean privacy?\n'


# -- new -------------------------------------------------------------------------------------------------------------


def test_a_new_profile_is_the_default_with_its_comments() -> None:
    text = vcam("new", "mine").stdout
    file = loader.user_folder() / "mine.yaml"
    assert str(file) in text
    assert "vcam profile check mine" in text
    written, original = file.read_text("utf-8"), (loader.shipped_folder() / "default.yaml").read_text("utf-8")
    assert written.splitlines()[1:] == original.splitlines()[1:]
    assert written.splitlines()[0] == "# mine: made from default. Say here what it is for."
    assert loader.load("mine").model_dump() == Profile().model_dump()


def test_a_new_profile_from_another_one(tmp_path: Path) -> None:
    vcam("new", "stage", "--from", "quality")
    assert loader.load("stage").model_dump() == loader.load("quality").model_dump()
    other = tmp_path / "other.yaml"
    other.write_text("camera: {fps: 24}\n")
    vcam("new", "film", "--from", str(other))
    assert (loader.user_folder() / "film.yaml").read_text() == (
        "# film: made from other. Say here what it is for.\ncamera: {fps: 24}\n"
    )


def test_a_profile_is_not_written_over_without_being_asked(own: Path) -> None:
    file = own / "mine.yaml"
    file.write_text("camera: {fps: 24}\n")
    result = vcam("new", "mine", code=1)
    assert "is there already" in result.stderr
    assert "--force" in result.stderr
    assert file.read_text() == "camera: {fps: 24}\n"
    vcam("new", "mine", "--force")
    assert loader.load("mine").camera.fps == 30
    assert [path.name for path in own.iterdir()] == ["mine.yaml"]


def test_the_other_suffix_counts_as_the_same_profile(own: Path) -> None:
    (own / "mine.yml").write_text("")
    assert "mine.yml is there already" in vcam("new", "mine", code=1).stderr


def test_a_link_is_not_written_through(own: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (own / "mine.yaml").symlink_to(precious)
    vcam("new", "mine", code=1)
    vcam("new", "mine", "--force")
    assert precious.read_text() == "keep me"
    (own / "dangling.yaml").symlink_to(tmp_path / "elsewhere")
    vcam("new", "dangling", code=1)
    assert not (tmp_path / "elsewhere").exists()


def test_hiding_a_shipped_profile_is_told() -> None:
    assert '"quality" means this one' in vcam("new", "quality").stdout


@pytest.mark.parametrize(
    "name",
    [
        "../up",
        "a/b",
        "a\\b",
        "/etc/x",
        "",
        ".",
        "..",
        ".hidden",
        "-x.",
        "con",
        "NUL",
        "com1",
        "x" * 65,
        "a:b",
        "a\nb",
        "*",
    ],
)
def test_names_that_are_none_are_wrong_usage(name: str, private_user: Path) -> None:
    result = CliRunner().invoke(app, ["profile", "new", "--", name], catch_exceptions=False)
    assert result.exit_code == 2
    assert not loader.user_folder().exists()


def test_a_name_may_have_the_suffix_and_other_letters() -> None:
    vcam("new", "mine.yaml")
    vcam("new", "Küche 2")
    assert {"mine", "Küche 2"} <= set(loader.available())


def test_a_broken_profile_is_not_copied(own: Path) -> None:
    (own / "wrong.yaml").write_text("fsp: 1\n")
    assert "unknown key fsp" in vcam("new", "mine", "--from", "wrong", code=1).stderr
    assert not (own / "mine.yaml").exists()


def test_a_folder_that_cannot_be_made_is_explained(private_user: Path) -> None:
    (private_user / "vcam").write_text("in the way")
    assert "cannot be written" in vcam("new", "mine", code=1).stderr


# -- check -----------------------------------------------------------------------------------------------------------


def checked(text: str) -> dict[str, str]:
    """What is printed for each part: its sign and what would be used."""
    return {words[1]: f"{words[0]} {words[2]}" for words in rows(text) if len(words) == 3 and words[0] in "✓!✗"}


def test_a_check_says_what_would_be_used_here(desk: list[AudioDevice], kernel: FakeKernel) -> None:
    kernel.add_loopback(10)
    found = checked(vcam("check").stdout)
    assert found["sound"] == "✓ Built-in Microphone (ALSA) – the system's default"
    assert found["portrait"] == "✓ robin"
    assert found["animator"].startswith("✓ lite – ")
    assert found["camera"] == f"✓ {kernel.dev}/video10 (vcam) – the first usable virtual camera"
    assert found["picture"] == "✓ 1280x720 at 30 fps"
    total, parts = found["delay"].removeprefix("✓ ").split(" – ")
    algorithmic, compute, microphone = (int(part.split()[0]) for part in parts.split(" + "))
    assert int(total.removesuffix(" ms")) == pytest.approx(algorithmic + compute + microphone, abs=1)
    assert microphone == 9
    assert algorithmic >= 40 + 60  # the frame itself and the gate's pre-roll


def test_a_check_of_ditto_says_what_its_quality_costs(desk: list[AudioDevice], kernel: FakeKernel, own: Path) -> None:
    (own / "mine.yaml").write_text("animator: {kind: ditto, quality: low-latency, ditto: {stand_in: true}}")
    found = checked(vcam("check", "mine").stdout)
    assert found["animator"] == "✓ ditto"
    assert found["checkpoint"].startswith("✓ stand-ins")
    assert found["quality"].startswith("✓ low-latency – 165 ms of listening")
    algorithmic = int(found["delay"].split(" – ")[1].split()[0])
    assert algorithmic >= 165


def test_a_longer_pre_roll_makes_a_longer_delay(desk: list[AudioDevice], kernel: FakeKernel) -> None:
    def delay(name: str) -> int:
        return int(checked(vcam("check", name).stdout)["delay"].split()[1])

    assert delay("quality") == delay("default") + 40  # as its comment says


def test_a_check_without_a_virtual_camera_says_how_to_get_one(desk: list[AudioDevice], kernel: FakeKernel) -> None:
    text = vcam("check", "privacy").stdout
    assert checked(text)["camera"].startswith("! preview in the browser, port 8765 – There is no virtual camera")
    assert "camera: Get one" in text


def test_a_check_fails_where_a_start_would(no_audio: None, kernel: FakeKernel) -> None:
    text = vcam("check", code=1).stdout
    assert checked(text)["sound"].startswith("✗ There is no microphone")


@pytest.mark.parametrize(
    ("text", "part", "said"),
    [
        ("avatar: {portrait: robbin}", "portrait", "There is no avatar 'robbin'"),
        ("avatar: {portrait: ./nowhere}", "portrait", "nowhere"),
        ("camera: {background: {kind: image, image: none.png}}", "portrait", "none.png"),
        ("animator: {kind: ditto, ditto: {checkpoint: none}}", "animator", "There is no checkpoint"),
        ("animator: {kind: ditto, ditto: {checkpoint: none}}", "checkpoint", "There is no checkpoint"),
        ("animator: {kind: ditto, ditto: {stand_in: true, overlap: 40, chunk: [9, 9, 9]}}", "quality", "9, 9, 9"),
        ("audio: {device: yetti}", "sound", 'There is no microphone named "yetti"'),
        ("audio: {device: speech.wav}", "sound", "speech.wav"),
        ("camera: {kind: virtual}", "camera", "There is no virtual camera"),
        ("camera: {device: /dev/video77}", "camera", "/dev/video77"),
    ],
)
def test_what_cannot_be_used_is_named(
    desk: list[AudioDevice], kernel: FakeKernel, own: Path, text: str, part: str, said: str
) -> None:
    (own / "mine.yaml").write_text(text)
    found = checked(vcam("check", "mine", code=1).stdout)
    assert found[part].startswith("✗")
    assert said in found[part]


def test_a_wrong_profile_is_refused_with_line_and_key(own: Path) -> None:
    (own / "mine.yaml").write_text("camera:\n  fsp: 30\n")
    result = vcam("check", "mine", code=1)
    assert "line 2: unknown key camera.fsp. Did you mean camera.fps?" in result.stderr


def test_files_and_the_demo_are_sound_too(kernel: FakeKernel, own: Path) -> None:
    (own / "mine.yaml").write_text("audio: {device: demo}\ncamera: {kind: none}\n")
    result = CliRunner().invoke(app, ["profile", "check", "mine"], catch_exceptions=False)
    assert checked(result.stdout)["camera"] == "✓ none – the profile asks for none"
