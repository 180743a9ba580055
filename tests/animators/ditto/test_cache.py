from __future__ import annotations

import logging
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.animators.ditto.face.painted import paint, painted_networks
from vcam.animators.ditto.avatar import DittoAvatar
from vcam.animators.ditto.cache import AvatarCache
from vcam.animators.ditto.motion import SourceMotion
from vcam.animators.ditto.options import RunOptions
from vcam.animators.ditto.registration import REFERENCE, register_frames
from vcam.animators.ditto.source import Source
from vcam.errors import AvatarError

OPTIONS = RunOptions()
_ARRAYS = ("image", "crop_to_image", "eye_open", "eye_ball", "features")


@pytest.fixture(scope="module")
def avatar() -> DittoAvatar:
    frames = tuple(paint((250 + k, 180), (330 + k, 184)) for k in range(2))
    return register_frames(Source(frames, is_video=True), OPTIONS, painted_networks())


@pytest.fixture
def cache(tmp_path: Path) -> AvatarCache:
    return AvatarCache(tmp_path / "avatars")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, list[Path]]:
    """A picture, and the networks' files."""
    picture = tmp_path / "face.png"
    cv2.imwrite(str(picture), paint((250, 180), (330, 180)))
    networks = [tmp_path / f"{name}.onnx" for name in ("a", "b")]
    for path in networks:
        path.write_bytes(path.name.encode())
    return picture, networks


def same(one: DittoAvatar, two: DittoAvatar) -> bool:
    pairs = [(one.identity, two.identity), (one.face.box, two.face.box), (one.face.landmarks, two.face.landmarks)]
    for a, b in zip(one.frames, two.frames, strict=True):
        pairs += [
            (getattr(a, n), getattr(b, n)) for n in ("image", "crop_to_image", "eye_open", "eye_ball", "features")
        ]
        pairs += [(getattr(a.motion, key), getattr(b.motion, key)) for key in SourceMotion.SHAPES]
    arrays = all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)
    return arrays and (one.is_video, one.face.count) == (two.is_video, two.face.count)


def stored(cache: AvatarCache) -> list[Path]:
    return sorted(cache.folder.glob("*.avatar"))


def never() -> DittoAvatar:
    pytest.fail("the avatar is in the cache already")


def test_an_avatar_is_made_once(cache: AvatarCache, avatar: DittoAvatar) -> None:
    assert cache.load("key") is None
    assert cache.get("key", lambda: avatar) is avatar
    assert same(AvatarCache(cache.folder).get("key", never), avatar)


def test_the_key_is_made_of_all_that_matters(
    cache: AvatarCache, files: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    picture, networks = files
    key = cache.key(picture, OPTIONS, networks, "insightface")
    assert cache.key(picture, OPTIONS, reversed(networks), "insightface") == key
    assert cache.key(picture, replace(OPTIONS, overlap_v2=70, emo=((3,),)), networks, "insightface") == key
    moved = picture.rename(tmp_path / "elsewhere.png")
    assert cache.key(moved, OPTIONS, networks, "insightface") == key
    others = [
        cache.key(moved, replace(OPTIONS, **{name: value}), networks, "insightface")  # type: ignore[arg-type]
        for name, value in (
            ("crop_scale", 2.0),
            ("crop_vx_ratio", 0.1),
            ("crop_vy_ratio", 0.0),
            ("crop_flag_do_rot", False),
            ("max_size", 512),
            ("template_n_frames", 3),
            ("smo_k_s", 1),
        )
    ]
    others.append(cache.key(moved, OPTIONS, networks, "proposal"))
    others.append(cache.key(moved, OPTIONS, networks, "insightface", REFERENCE))
    others.append(cache.key(moved, OPTIONS, networks[:1], "insightface"))
    networks[0].write_bytes(b"other weights")
    others.append(cache.key(moved, OPTIONS, networks, "insightface"))
    moved.write_bytes(moved.read_bytes() + b" ")
    others.append(cache.key(moved, OPTIONS, networks, "insightface"))
    assert len({key, *others}) == len(others) + 1


def test_files_that_are_not_there_have_no_key(cache: AvatarCache, files: tuple[Path, list[Path]]) -> None:
    picture, networks = files
    with pytest.raises(AvatarError, match=r"absent\.png"):
        cache.key(picture.with_name("absent.png"), OPTIONS, networks, "insightface")
    with pytest.raises(AvatarError, match=r"absent\.onnx"):
        cache.key(picture, OPTIONS, [picture.with_name("absent.onnx")], "insightface")
    with pytest.raises(AvatarError, match="not a file"):
        cache.key(picture.parent, OPTIONS, networks, "insightface")


def test_a_torn_file_is_a_miss_and_written_again(
    cache: AvatarCache, avatar: DittoAvatar, caplog: pytest.LogCaptureFixture
) -> None:
    cache.store("key", avatar)
    (path,) = stored(cache)
    whole = path.read_bytes()
    for content in (b"", b"garbage", whole[:1000], whole[:-1], whole[:5000] + bytes(100) + whole[5100:], b"PK\x03\x04"):
        path.write_bytes(content)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert cache.load("key") is None
        assert "made anew" in caplog.text
    assert cache.get("key", lambda: avatar) is avatar
    assert same(cache.get("key", never), avatar)


def test_a_file_of_other_arrays_is_a_miss(cache: AvatarCache, avatar: DittoAvatar) -> None:
    from vcam.animators.ditto.array_file import read_arrays, write_arrays

    cache.store("key", avatar)
    (path,) = stored(cache)
    arrays = read_arrays(path)
    for name in ("features_1", "numbers", "motion_kp", "landmarks"):
        write_arrays(path, {key: value for key, value in arrays.items() if key != name})
        assert cache.load("key") is None
        write_arrays(path, arrays | {name: arrays[name][:0]})
        assert cache.load("key") is None
    write_arrays(path, arrays | {"numbers": np.array([2**40, 1, 1], np.int64)})
    assert cache.load("key") is None


def test_a_write_that_is_broken_off_leaves_nothing(
    cache: AvatarCache, avatar: DittoAvatar, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr("os.fsync", full)
        assert cache.get("key", lambda: avatar) is avatar
    assert "cannot be cached" in caplog.text
    assert list(cache.folder.iterdir()) == []
    assert cache.load("key") is None


def test_a_folder_that_cannot_be_made_does_no_harm(tmp_path: Path, avatar: DittoAvatar) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert AvatarCache(tmp_path / "file").get("key", lambda: avatar) is avatar


def test_what_was_used_longest_ago_goes_first(cache: AvatarCache, avatar: DittoAvatar) -> None:
    cache.store("a", avatar)
    size = cache.size
    small = AvatarCache(cache.folder, limit=2 * size + 1000)
    small.store("b", avatar)
    for time, name in enumerate("ab"):
        os.utime(cache.folder / f"{name}.avatar", (time, time))
    assert small.load("a") is not None  # so it is b's turn
    small.store("c", avatar)
    assert [path.stem for path in stored(cache)] == ["a", "c"]


def test_what_is_larger_than_the_limit_is_not_kept(cache: AvatarCache, avatar: DittoAvatar) -> None:
    AvatarCache(cache.folder, limit=1000).store("key", avatar)
    assert stored(cache) == []


def test_unfinished_files_are_removed_in_time(cache: AvatarCache, avatar: DittoAvatar) -> None:
    cache.folder.mkdir()
    for name, age in ((".new-old", 10_000), (".new-fresh", 0)):
        (cache.folder / name).write_bytes(b"half")
        then = (cache.folder / name).stat().st_mtime - age
        os.utime(cache.folder / name, (then, then))
    cache.store("key", avatar)
    assert sorted(path.name for path in cache.folder.iterdir()) == [".new-fresh", "key.avatar"]


def test_clearing_frees_all(cache: AvatarCache, avatar: DittoAvatar) -> None:
    assert cache.clear() == 0
    cache.store("a", avatar)
    cache.store("b", avatar)
    size = cache.size
    assert size > 2 * 8_000_000
    assert cache.clear() == size
    assert cache.size == 0
    assert cache.load("a") is None


def test_the_folder_is_the_users_own(private_user: Path, avatar: DittoAvatar) -> None:
    cache = AvatarCache()
    cache.store("key", avatar)
    assert cache.folder == private_user.parent / "cache_home" / "vcam" / "avatars"
    if sys.platform != "win32":
        assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
