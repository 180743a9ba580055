from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.profile.conftest import Write
from vcam.animators.ditto.presets import PRESETS
from vcam.errors import AvatarError, ProfileError, VcamError
from vcam.profile import Profile, loader
from vcam.profile.yaml_reader import read_yaml

_QUALITY = re.compile(r"#   ([a-z-]+) +(\d+) ms +(\d+) steps, overlap (\d+)")
SHIPPED = sorted(path.stem for path in loader.shipped_folder().glob("*.yaml"))


def refusal(path: Path) -> str:
    """The text of the refusal, which must be short and show nothing of the program's inside."""
    with pytest.raises(ProfileError) as caught:
        loader.load_file(path)
    text = caught.value.message
    assert str(path) in text
    for inside in ("Traceback", "pydantic", "Settings", "<class"):
        assert inside not in text
    assert len(text) < 10 * (200 + len(str(path)))
    assert all(letter.isprintable() for letter in text if letter != "\n")
    return text.replace(str(path), "FILE")


# -- the shipped ones ------------------------------------------------------------------------------------------------


def test_all_ready_profiles_are_there() -> None:
    assert SHIPPED == ["default", "ditto", "low-latency", "privacy", "quality"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_profile_loads(name: str, user_profiles: Path) -> None:
    profile = loader.load(name)
    assert profile.name == name
    assert profile.folder == loader.shipped_folder()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_profile_says_first_what_it_is_for(name: str) -> None:
    first = (loader.shipped_folder() / f"{name}.yaml").read_text("utf-8").splitlines()[0]
    assert re.fullmatch(r"# [A-Z].{20,118}", first)


def test_the_default_profile_shows_the_built_in_values() -> None:
    data, _ = read_yaml(loader.shipped_folder() / "default.yaml")
    assert Profile.model_validate(data) == Profile()


def test_the_default_profile_shows_every_key() -> None:
    data, _ = read_yaml(loader.shipped_folder() / "default.yaml")
    assert set(_dotted(data)) == set(_dotted(Profile().model_dump()))


def test_ranges_in_the_comments_are_the_ones_that_are_checked(write: Write) -> None:
    section: list[str] = []
    checked = []
    for line in (loader.shipped_folder() / "default.yaml").read_text("utf-8").splitlines():
        found = re.match(r"( *)(\w+):", line)
        if found is None:
            continue
        section[len(found[1]) // 2 :] = [found[2]]
        if stated := re.search(r"\((-?[\d.]+) to (-?[\d.]+)[);]", line):
            low, high = float(stated[1]), float(stated[2])
            for value, good in ((low, True), (high, True), (low - 0.01, False), (high + 0.01, False)):
                path = write(_nested(section, value))
                if good:
                    loader.load_file(path)
                else:
                    assert ".".join(section) in refusal(path)
            checked.append(".".join(section))
    assert checked == [
        "avatar.framing.zoom",
        "avatar.framing.x",
        "avatar.framing.y",
        "animator.lite.expressiveness",
        "animator.lite.sway",
        "animator.ditto.sampling_timesteps",
        "animator.ditto.overlap",
        "animator.ditto.max_size",
        "animator.ditto.template_n_frames",
    ]


def test_privacy_shows_nobody() -> None:
    profile = loader.load("privacy")
    assert (profile.avatar.portrait, profile.animator.kind, profile.camera.badge) == ("puppet", "lite", "Avatar")
    assert profile.gate.aggressiveness > Profile().gate.aggressiveness
    assert profile.gate.min_level_dbfs > Profile().gate.min_level_dbfs


def test_low_latency_waits_less_and_quality_more_than_the_default() -> None:
    low, usual, high = (loader.load(name).gate for name in ("low-latency", "default", "quality"))
    assert low.pre_roll_ms < usual.pre_roll_ms
    assert low.attack_ms < usual.attack_ms
    assert high.pre_roll_ms == usual.pre_roll_ms + 40  # as its comment says
    assert loader.load("quality").camera.fps == 25


def test_ditto_asks_for_ditto_and_leaves_the_rest_to_its_quality() -> None:
    animator = loader.load("ditto").animator
    assert animator.kind == "ditto"
    assert animator.ditto == Profile().animator.ditto


def test_ditto_says_what_each_quality_costs() -> None:
    text = (loader.shipped_folder() / "ditto.yaml").read_text("utf-8")
    said = {name: tuple(map(int, rest)) for name, *rest in _QUALITY.findall(text)}
    assert said == {
        name: (preset.delay // 16, preset.options["sampling_timesteps"], preset.options["overlap_v2"])
        for name, preset in PRESETS.items()
    }


# -- wrong files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camera:\n  fsp: 30\n", "FILE, line 2: unknown key camera.fsp. Did you mean camera.fps?"),
        ("camra:\n  fps: 30\n", "FILE, line 1: unknown key camra. Did you mean camera?"),
        ("\n\nfps: 30\n", "FILE, line 3: unknown key fps. Did you mean camera.fps?"),
        (
            "avatar:\n  name: robin\n",
            "FILE, line 2: unknown key avatar.name. Known here: portrait, look, framing, mirror.",
        ),
        ("mirror: true\n", "FILE, line 1: unknown key mirror. Did you mean avatar.mirror?"),
        (
            "camera:\n  seed: 1\n",
            "FILE, line 2: unknown key camera.seed. Did you mean animator.lite.seed or animator.ditto.seed?",
        ),
        ("camera:\n  y: 1\n", "FILE, line 2: unknown key camera.y. Did you mean avatar.framing.y?"),
        ("animator:\n  zoom: 2\n", "FILE, line 2: unknown key animator.zoom. Did you mean avatar.framing.zoom?"),
        (
            "avatar:\n  device: x\n",
            "FILE, line 2: unknown key avatar.device. Did you mean audio.device, audio.output.device or camera.device?",
        ),
        (
            "animator:\n  lite:\n    bliks_per_minute: 2\n",
            "FILE, line 3: unknown key animator.lite.bliks_per_minute. Did you mean animator.lite.blinks_per_minute?",
        ),
        (
            "zzzz: 1\n",
            "FILE, line 1: unknown key zzzz. Known here: avatar, animator, gate, audio, camera.",
        ),
        ("<<: {fps: 30}\n", "FILE, line 1: unknown key <<. Known here: avatar, animator, gate, audio, camera."),
    ],
)
def test_unknown_keys_name_line_and_nearest_right_name(write: Write, text: str, expected: str) -> None:
    assert refusal(write(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camera:\n  fps: fast\n", "line 2: camera.fps: must be a number (it is 'fast')."),
        ("camera:\n  fps: true\n", "line 2: camera.fps: must not be true or false."),
        ("camera:\n  fps: 500\n", "line 2: camera.fps: must be less than or equal to 60 (it is 500)."),
        ("camera:\n  fps: [30]\n", "line 2: camera.fps: must be a number."),
        ("camera:\n  fps: null\n", "line 2: camera.fps: must be a number (it is empty)."),
        ("camera:\n  fps: nan\n", "line 2: camera.fps: must be a finite number (it is 'nan')."),
        ("camera:\n  size: 1281x720\n", "line 2: camera.size: width and height must be even (it is '1281x720')."),
        ("camera:\n  size: 1280\n", "line 2: camera.size: expected a size such as 1280x720 (it is 1280)."),
        (
            "camera:\n  size: 10x10\n",
            "line 2: camera.size: the size must be between 160x120 and 3840x2160 (it is '10x10').",
        ),
        ("camera:\n  size: [1280, wide]\n", "line 2: camera.size: expected a size such as 1280x720."),
        ("camera:\n  port: 70000\n", "line 2: camera.port: must be less than or equal to 65535 (it is 70000)."),
        ("camera:\n  port: 80.5\n", "line 2: camera.port: must be a whole number (it is 80.5)."),
        ("animator:\n  ditto: {chunk: [3, 5]}\n", "line 2: animator.ditto.chunk: has too few entries."),
        ("animator:\n  ditto: {chunk: [1, 2, 3, 4]}\n", "line 2: animator.ditto.chunk: must have at most 3 entries."),
        (
            "animator:\n  ditto: {chunk: 3}\n",
            "line 2: animator.ditto.chunk: must be a list, such as [3, 5, 2] (it is 3).",
        ),
        (
            "animator:\n  ditto: {options: 3}\n",
            "line 2: animator.ditto.options: must have names and values, such as {name: 1} (it is 3).",
        ),
        (
            "camera:\n  kind: virtuel\n",
            "line 2: camera.kind: must be 'auto', 'virtual', 'preview' or 'none' "
            "(it is 'virtuel'). Did you mean virtual?",
        ),
        ("camera:\n  badge: [a]\n", "line 2: camera.badge: must be text."),
        (
            "camera:\n  badge: 0123456789012345678901234567890123456789+\n",
            "line 2: camera.badge: must have at most "
            "40 characters (it is '0123456789012345678901234567890123456789+').",
        ),
        ("camera: 5\n", "line 1: camera: must have its keys below it, such as `kind:` (it is 5)."),
        ("camera:\n  - fps\n", "line 1: camera: must have its keys below it, such as `kind:`."),
        ("avatar:\n  mirror: maybe\n", "line 2: avatar.mirror: must be true or false (it is 'maybe')."),
        ("animator:\n  ditto:\n    checkpoint: [1]\n", "line 3: animator.ditto.checkpoint: must be a path."),
        (
            "camera:\n  background:\n    colour: red\n",
            "line 3: camera.background.colour: expected a colour such as \"#1f2933\", in quotes (it is 'red').",
        ),
        (
            "camera:\n  background:\n    colour: #1f2933\n",
            'line 3: camera.background.colour: expected a colour such as "#1f2933", in quotes (it is empty).',
        ),
        (
            "audio:\n  output:\n    mode: sinc\n",
            "line 3: audio.output.mode: must be 'sync' or 'direct' (it is 'sinc'). Did you mean sync?",
        ),
    ],
)
def test_wrong_values_say_what_is_right(write: Write, text: str, expected: str) -> None:
    assert refusal(write(text)) == f"FILE, {expected}"


def test_a_value_of_great_length_is_cut(write: Write) -> None:
    assert len(refusal(write(f"camera: {{kind: {'x' * 5000}}}\n"))) < 300


def test_all_problems_are_told_at_once(write: Write) -> None:
    text = refusal(write("camera:\n  fps: 500\n  colour: 1\ngate:\n  kind: on\n"))
    assert [re.findall(r"line (\d)", line) for line in text.splitlines()] == [["2"], ["3"], ["5"]]


def test_thousands_of_problems_are_counted_but_not_all_told(write: Write) -> None:
    text = refusal(write("".join(f"k{number}: 1\n" for number in range(3000))))
    assert len(text.splitlines()) == 9
    assert text.endswith("FILE: and 2992 more problems.")


@pytest.mark.parametrize("text", ["5", "- a\n- b\n", "just words"])
def test_a_profile_is_made_of_sections(write: Write, text: str) -> None:
    assert "a profile is a list of sections" in refusal(write(text))


def test_a_refusal_says_how_to_try_again(write: Write) -> None:
    path = write("fsp: 1")
    with pytest.raises(ProfileError) as caught:
        loader.load_file(path)
    assert f"vcam profile check {path}" in caught.value.hint


# -- right files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "camera:\n  # fps: 30\n", "{}", "animator:\n  lite:\n"])
def test_what_is_left_out_has_its_default(write: Write, text: str) -> None:
    assert loader.load_file(write(text)).model_dump() == Profile().model_dump()


def test_off_is_a_word(write: Write) -> None:
    assert loader.load_file(write("gate:\n  kind: off\n")).gate.kind == "off"


def test_none_is_a_word(write: Write) -> None:
    assert loader.load_file(write("camera:\n  kind: none\n")).camera.kind == "none"


@pytest.mark.parametrize(("word", "value"), [("true", True), ("off", False), ("yes", True), ("no", False)])
def test_flags_in_the_words_of_older_yaml(write: Write, word: str, value: bool) -> None:
    assert loader.load_file(write(f"avatar: {{mirror: {word}}}\n")).avatar.mirror is value


def test_devices_may_be_numbers(write: Write) -> None:
    profile = loader.load_file(write("audio: {device: 3, output: {device: 4}}\ncamera: {device: 0, badge: 2024}\n"))
    assert profile.audio.device == "3"
    assert profile.audio.output.device == "4"
    assert profile.camera.device == "0"
    assert profile.camera.badge == "2024"


def test_paths_are_relative_to_the_profile(write: Write, tmp_path: Path) -> None:
    profile = loader.load_file(write("camera: {background: {kind: image, image: room.jpg}}\n"))
    image = profile.camera.background.image
    assert image is not None
    assert profile.resolve(image) == tmp_path.resolve() / "room.jpg"


# -- finding ---------------------------------------------------------------------------------------------------------


def test_a_path_comes_before_a_name(write: Write, user_profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("camera: {fps: 24}\n", "default.yaml")
    assert loader.find(str(path)) == path
    monkeypatch.chdir(path.parent)
    assert loader.find("default.yaml") == Path("default.yaml")
    assert loader.find("default") == loader.shipped_folder() / "default.yaml"
    assert loader.load("default.yaml").camera.fps == 24


def test_the_users_own_comes_before_the_shipped_one(user_profiles: Path) -> None:
    assert loader.load("quality").camera.size == (1920, 1080)
    (user_profiles / "quality.yaml").write_text("camera: {size: 640x480}\n")
    assert loader.load("quality").camera.size == (640, 480)
    assert loader.available()["quality"] == user_profiles / "quality.yaml"
    assert loader.available()["privacy"] == loader.shipped_folder() / "privacy.yaml"


def test_other_suffixes_and_files(user_profiles: Path) -> None:
    (user_profiles / "short.yml").write_text("")
    (user_profiles / "LOUD.YAML").write_text("")
    (user_profiles / "notes.txt").write_text("")
    (user_profiles / ".hidden.yaml").write_text("")
    assert set(loader.available()) == {*SHIPPED, "short", "LOUD"}


def test_an_unknown_name_lists_near_ones(user_profiles: Path) -> None:
    (user_profiles / "quiet-room.yaml").write_text("")
    with pytest.raises(ProfileError) as caught:
        loader.load("qualty")
    assert 'no profile "qualty"' in caught.value.message
    assert caught.value.hint.startswith("Did you mean quality")


def test_a_name_like_none_lists_all(user_profiles: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        loader.load("zzzzzz")
    assert caught.value.hint == f"There are: {', '.join(SHIPPED)}."


@pytest.mark.parametrize(
    "name",
    [
        "nowhere/mine.yaml",
        "mine.yaml",
        "",
        ".",
        "..",
        "../../nowhere/passwd",
        "/etc",
        "~nobody-of-that-name/x.yaml",
        "a\0b.yaml",
        "x" * 5000,
        "x" * 5000 + ".yaml",
        "\N{ESCAPE}[31m",
    ],
)
def test_names_that_cannot_be_found(name: str, user_profiles: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        loader.load(name)
    assert caught.value.hint
    assert len(str(caught.value)) < 500
    assert all(letter.isprintable() for letter in str(caught.value) if letter != "\n")


def test_a_folder_in_a_profiles_place_is_refused(user_profiles: Path) -> None:
    (user_profiles / "odd.yaml").mkdir()
    with pytest.raises(ProfileError, match="not a file"):
        loader.load("odd")


# -- switching -------------------------------------------------------------------------------------------------------


def test_switching_to_a_bundled_avatar_keeps_the_rest_of_the_profile(write: Write) -> None:
    current = loader.load_file(write("avatar: {portrait: ./me, mirror: true}\ncamera: {fps: 24}\n"))
    found = loader.find_profile_or_avatar("robin", current)
    assert (found.avatar.portrait, found.avatar.mirror) == ("robin", True)
    assert (found.camera.fps, found.name, found.folder) == (24, "mine", current.folder)


def test_colours_stay_with_the_portrait_that_they_were_chosen_for(write: Write, private_user: Path) -> None:
    folder = private_user.parent / "data_home" / "vcam" / "avatars" / "anna"
    folder.mkdir(parents=True)
    (folder / "avatar.yaml").touch()
    current = loader.load_file(write('avatar: {portrait: robin, mirror: true, look: {hair: "#2a2320"}}\n'))
    for other in ("anna", "puppet", str(folder)):
        found = loader.find_profile_or_avatar(other, current)
        assert (found.avatar.look.wanted(), found.avatar.mirror) == ({}, True)
    assert loader.find_profile_or_avatar("robin", current).avatar.look.hair == "#2a2320"


def test_switching_to_a_profile() -> None:
    assert loader.find_profile_or_avatar("privacy", Profile()).name == "privacy"


def test_switching_to_one_of_the_users_own_avatars(private_user: Path) -> None:
    folder = private_user.parent / "data_home" / "vcam" / "avatars" / "anna"
    folder.mkdir(parents=True)
    (folder / "avatar.yaml").touch()
    assert loader.find_profile_or_avatar("anna", Profile()).avatar.portrait == "anna"


def test_switching_to_a_folder_means_its_avatar(tmp_path: Path) -> None:
    assert loader.find_profile_or_avatar(str(tmp_path), Profile()).avatar.portrait == str(tmp_path.resolve())


def test_switching_to_a_picture_means_it(tmp_path: Path) -> None:
    picture = tmp_path / "anna.jpg"
    picture.touch()
    assert loader.find_profile_or_avatar(str(picture), Profile()).avatar.portrait == str(picture.resolve())


def test_paths_of_a_profile_that_is_switched_to_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "speaker.png").touch()
    options = {"emo": "moods.npy", "ch_info": "speaker.png", "smo_k_d": 1}
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"animator": {"ditto": {"checkpoint": "weights", "options": options}}}))
    found = loader.find_profile_or_avatar(str(file), Profile())
    assert found.name == "mine"
    assert found.animator.ditto.checkpoint == tmp_path / "weights"
    wanted = {"emo": str(tmp_path / "moods.npy"), "ch_info": str(tmp_path / "speaker.png"), "smo_k_d": 1}
    assert found.animator.ditto.options == wanted


def test_switching_to_neither_names_both(user_profiles: Path) -> None:
    with pytest.raises(AvatarError) as caught:
        loader.find_profile_or_avatar("privat", Profile())
    assert "privacy" in caught.value.hint
    for strange in ("~nobody-of-that-name/x", "a\0b", "x" * 5000):
        with pytest.raises(VcamError):
            loader.find_profile_or_avatar(strange, Profile())


def _dotted(data: dict[str, object], prefix: str = "") -> list[str]:
    keys = []
    for key, value in data.items():
        keys += _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return keys


def _nested(keys: list[str], value: float) -> str:
    return "".join(f"{'  ' * depth}{key}:\n" for depth, key in enumerate(keys[:-1])) + (
        f"{'  ' * (len(keys) - 1)}{keys[-1]}: {value}\n"
    )
