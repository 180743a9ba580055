from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.profile.conftest import Write
from vcam.errors import ProfileError
from vcam.profile.yaml_reader import MAX_BYTES, read_yaml


def refusal(path: Path) -> str:
    """The text of the refusal, which must be short, name the file and show nothing of the program's inside."""
    with pytest.raises(ProfileError) as caught:
        read_yaml(path)
    text = str(caught.value)
    assert str(path) in text
    assert "Traceback" not in text
    assert "<unicode string>" not in text
    assert len(text) < 400 + len(str(path))
    assert len(text.splitlines()) <= 2
    assert all(letter.isprintable() for letter in text if letter != "\n")
    return text.replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("off", "off"),
        ("no", "no"),
        ("yes", "yes"),
        ("none", "none"),
        ("nobody", "nobody"),
        ("null", None),
        ("~", None),
        ("", None),
        ("~/me.png", "~/me.png"),
        ("true", True),
        ("false", False),
        ("true-colours", "true-colours"),
        ("1280x720", "1280x720"),
        ("16:9", "16:9"),
        ("2024-05-01", "2024-05-01"),
        ("30", 30),
        ("-5", -5),
        ("0", 0),
        ("08", "08"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("-55.0", -55.0),
        (".5", 0.5),
        ("1.5.2", "1.5.2"),
        ("1.5e3", 1500.0),
        ("9" * 30, "9" * 30),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ('"30"', "30"),
        ("'null'", "null"),
        ("mic", "mic"),
    ],
)
def test_plain_values(write: Write, written: str, value: object) -> None:
    data, _ = read_yaml(write(f"key: {written}\n"))
    assert data == {"key": value}
    assert type(data["key"]) is type(value)


def test_every_value_knows_its_line(write: Write) -> None:
    data, lines = read_yaml(write("# a comment\ncamera:\n\n  fps: 30\n  list:\n    - a\n    - b\n"))
    assert data == {"camera": {"fps": 30, "list": ["a", "b"]}}
    assert lines["camera",] == 2
    assert lines["camera", "fps"] == 4
    assert lines["camera", "list", 1] == 7


def test_an_empty_file_and_one_of_comments_hold_nothing(write: Write) -> None:
    assert read_yaml(write(""))[0] is None
    assert read_yaml(write("# nothing yet\n"))[0] is None


def test_a_byte_order_mark_and_windows_line_ends_are_fine(write: Write) -> None:
    assert read_yaml(write(b"\xef\xbb\xbfcamera:\r\n  fps: 25\r\n"))[0] == {"camera": {"fps": 25}}


def test_an_anchors_bomb_is_refused_before_it_grows(write: Write) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{here}: &{here} [{', '.join([f'*{before}'] * 9)}]"
        for before, here in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert "line 1: anchors and aliases" in refusal(write("\n".join(lines)))


def test_an_alias_to_itself_is_refused(write: Write) -> None:
    assert "anchors" in refusal(write("a: &a [*a]\n"))


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [ls]", "!!python/name:os.system", "!mine 1", "! 1"])
def test_tags_are_refused(write: Write, tag: str) -> None:
    assert "line 2: tags" in refusal(write(f"x: 1\ny: {tag}\n"))


def test_a_tag_of_great_length_is_cut(write: Write) -> None:
    assert "tags" in refusal(write(f"y: !{'t' * 5000} 1\n"))


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused(write: Write, opening: str) -> None:
    assert "nested too deeply" in refusal(write(opening * 2000))


def test_a_file_of_100_mb_is_refused_without_being_read(write: Write) -> None:
    path = write("camera:\n")
    os.truncate(path, 100 * 2**20)
    assert "too large" in refusal(path)


def test_a_file_just_too_large_is_refused(write: Write) -> None:
    assert "too large" in refusal(write("#" * (MAX_BYTES + 1)))


def test_duplicate_keys_are_refused(write: Write) -> None:
    assert "line 3: camera.fps is there twice" in refusal(write("camera:\n  fps: 30\n  fps: 25\n"))


def test_a_long_duplicate_key_is_cut(write: Write) -> None:
    key = "k" * 900
    assert "twice" in refusal(write(f"{key}: 1\n{key}: 2\n"))


def test_keys_that_are_not_words_are_refused(write: Write) -> None:
    assert "line 1: a key must be a plain word" in refusal(write("[1, 2]: 3\n"))


def test_binary_is_refused(write: Write) -> None:
    assert "UTF-8" in refusal(write(bytes(range(256)) * 4))


def test_zero_bytes_are_refused(write: Write) -> None:
    assert "line 2" in refusal(write(b"camera:\n  fps: \x0030\n"))


def test_other_encodings_are_refused(write: Write) -> None:
    assert "UTF-8" in refusal(write("camera: {badge: é}".encode("latin-1")))
    assert "UTF-8" in refusal(write("camera: {badge: é}".encode("utf-16")))


def test_control_characters_cannot_be_smuggled_in(write: Write) -> None:
    assert "line 1: camera.badge" in refusal(write('camera: {badge: "\\e[31m"}\n'))
    assert "line 1" in refusal(write('"\\e[31m": 1\n'))


def test_broken_yaml_names_the_line(write: Write) -> None:
    assert "line 2: not valid YAML" in refusal(write("camera:\n  fps: 30: 25\n"))
    assert "not valid YAML" in refusal(write("camera:\n\tfps: 30\n"))
    assert "not valid YAML" in refusal(write('badge: "open\n'))
    assert "not valid YAML" in refusal(write("%YAML 9.9\n---\na: 1\n"))


def test_several_documents_are_refused(write: Write) -> None:
    assert "single YAML document" in refusal(write("a: 1\n---\nb: 2\n"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.yaml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "not a file" in refusal(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    assert "not a file" in refusal(path)


def test_a_path_that_no_system_takes_is_refused() -> None:
    assert "cannot be read" in refusal(Path("a\0b.yaml".replace("\0", "\N{SYMBOL FOR NULL}") * 200))
