from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.pulse import PulseServer
from vcam.audio import virtual_mic
from vcam.errors import OutputError, OutputLost

pytestmark = pytest.mark.audio


def sources(server: PulseServer) -> list[str]:
    return [line.split("\t")[1] for line in server.pactl("list", "short", "sources").splitlines()]


def names_left(server: PulseServer) -> list[str]:
    listed = server.pactl("list", "short", "modules").splitlines()
    return [line.split("\t")[1] for line in listed if virtual_mic.SOURCE in line]


@pytest.fixture
def pretended_pactl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pactl that does as the test says."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "pactl"


def test_applications_see_it_by_its_name_and_it_goes_away_again(pulse: PulseServer) -> None:
    before = sources(pulse)
    virtual_mic.create()
    assert virtual_mic.exists()
    virtual_mic.check()
    assert virtual_mic.SOURCE in sources(pulse)
    assert f"Description: {virtual_mic.DESCRIPTION}\n" in pulse.pactl("list", "sources")
    assert virtual_mic.remove() == 2
    assert sources(pulse) == before
    assert not virtual_mic.exists()


def test_one_that_a_crash_left_behind_is_used_again(pulse: PulseServer) -> None:
    virtual_mic.create()
    left_behind = virtual_mic.modules()
    virtual_mic.create()
    assert virtual_mic.modules() == left_behind
    virtual_mic.remove()
    assert names_left(pulse) == []


def test_half_of_one_is_replaced_by_a_whole_one(pulse: PulseServer) -> None:
    virtual_mic.create()
    pulse.unload("module-null-sink")  # takes what listens to it along
    virtual_mic.create()
    assert virtual_mic.exists()
    assert sorted(names_left(pulse)) == ["module-null-sink", "module-remap-source"]
    source = next(module for module in virtual_mic.modules() if module.name == "module-remap-source")
    pulse.pactl("unload-module", source.number)
    with pytest.raises(OutputLost, match="was removed"):
        virtual_mic.check()
    virtual_mic.create()
    assert sorted(names_left(pulse)) == ["module-null-sink", "module-remap-source"]


def test_two_that_were_left_behind_become_one(pulse: PulseServer) -> None:
    virtual_mic.create()
    pulse.pactl("load-module", "module-null-sink", f"sink_name={virtual_mic.FEED}")
    virtual_mic.create()
    assert sorted(names_left(pulse)) == ["module-null-sink", "module-remap-source"]


def test_other_modules_are_left_alone(pulse: PulseServer) -> None:
    pulse.pactl("load-module", "module-null-sink", "sink_name=mine_vcam_microphone_feed")
    virtual_mic.create()
    virtual_mic.remove()
    assert len(names_left(pulse)) == 1


def test_removing_twice_or_without_a_server_does_nothing(pulse: PulseServer) -> None:
    assert virtual_mic.remove() == 0
    pulse.kill()
    assert virtual_mic.remove() == 0


def test_no_server_is_explained(pulse: PulseServer) -> None:
    pulse.kill()
    with pytest.raises(OutputError, match="No sound server answers") as caught:
        virtual_mic.create()
    assert "--monitor none" in caught.value.hint
    with pytest.raises(OutputLost):
        virtual_mic.check()


def test_no_pactl_is_explained(pretended_pactl: Path) -> None:
    with pytest.raises(OutputError, match="pactl, which is not installed") as caught:
        virtual_mic.create()
    assert "apt install pulseaudio-utils" in caught.value.hint


def test_a_server_that_does_not_answer_is_given_up(pulse: PulseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_mic, "_SECONDS", 0.3)
    pulse.signal(signal.SIGSTOP)
    try:
        with pytest.raises(OutputError, match="has not answered"):
            virtual_mic.exists()
    finally:
        pulse.signal(signal.SIGCONT)


def test_a_server_that_does_not_know_a_word_gets_a_simpler_one(pretended_pactl: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pretended_pactl.write_text(
        f'#!/bin/sh\necho "$*" >> {log}\n'
        'case "$*" in *norewinds*) echo "Failure: Module initialization failed" >&2; exit 1;; esac\n'
    )
    pretended_pactl.chmod(0o700)
    virtual_mic.create()
    loaded = [line for line in log.read_text().splitlines() if line.startswith("load-module")]
    assert [line.split()[1] for line in loaded] == ["module-null-sink", "module-null-sink", "module-remap-source"]


def test_a_server_that_refuses_is_quoted(pretended_pactl: Path) -> None:
    pretended_pactl.write_text(
        '#!/bin/sh\n[ "$1" = list ] && exit 0\necho "Failure: Module initialization failed" >&2\nexit 1\n'
    )
    pretended_pactl.chmod(0o700)
    with pytest.raises(OutputError, match="Module initialization failed"):
        virtual_mic.create()


@pytest.mark.parametrize(
    ("sources", "moved_to"),
    [
        ("vcam_microphone usb.monitor bluez_input alsa_input.usb", "alsa_input.usb"),
        ("vcam_microphone usb.monitor bluez_input", "bluez_input"),
        ("vcam_microphone usb.monitor", None),
    ],
)
def test_vcam_does_not_listen_to_itself(
    sources: str, moved_to: str | None, pretended_pactl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULSE_SOURCE", raising=False)
    log = tmp_path / "log"
    listed = "\\n".join(f"{number}\\t{name}" for number, name in enumerate(sources.split(), 7))
    owner = f'application.process.id = \\"{os.getpid()}\\"\\n\\t\\tvcam.listens = \\"yes\\"'
    output = f"Source Output #42\\n\\tSource: 7\\n\\t\\t{owner}\\n"
    pretended_pactl.write_text(
        f'#!/bin/sh\necho "$*" >> {log}\n'
        f'case "$*" in *sources) printf "{listed}";; *source-outputs) printf "{output}";; esac\n'
    )
    pretended_pactl.chmod(0o700)
    if moved_to is None:
        with pytest.raises(OutputLost, match="would hear itself"):
            virtual_mic.check()
    else:
        virtual_mic.check()
        assert log.read_text().splitlines()[-1] == f"move-source-output 42 {moved_to}"
