from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def recorded() -> ModuleType:
    return importlib.import_module("lipsync.recorded")


def _loudness(sound: np.ndarray, rate: int, start: float, end: float) -> float:
    return float(np.sqrt(np.mean(sound[round(start * rate) : round(end * rate)] ** 2)))


@pytest.mark.parametrize("name", ["slt", "rms", "ked", "slt-hts", "pc", "lj", "ph", "ona", "nsk", "nsh"])
def test_phonemes_lie_where_they_are_heard(recorded: ModuleType, name: str) -> None:
    program = "flite" if recorded.VOICES[name].function is None else "festival"
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    texts = {
        **{"en": "Mama sat at home.", "it": "La mamma canta.", "fi": "Mamma sanoo.", "cs": "Máma má auto."},
        **{"ca": "La mama canta.", "hi": "माँ आम खाती है", "ru": "Мама мыла раму."},
    }
    try:
        (said,) = recorded.speak(name, [texts[recorded.VOICES[name].language]], 1.2)
    except OSError as error:
        pytest.skip(str(error))
    ends = [segment.end for segment in said.segments]
    assert ends == sorted(ends)
    assert "m" in [segment.ipa for segment in said.segments]
    loud = [_loudness(said.samples, said.rate, s.start, s.end) for s in said.segments if s.ipa in "aɑ" and s.ipa]
    still = [
        _loudness(said.samples, said.rate, s.start, s.end) for s in said.segments if not s.ipa and s.end < ends[-1]
    ]
    assert min(loud) > 3 * max(still)


def test_every_phone_is_known_to_the_mouth(recorded: ModuleType) -> None:
    targets = importlib.import_module("lipsync.targets")
    tables = (recorded._ARPABET, recorded._ITALIAN, recorded._FINNISH, recorded._CZECH)
    for table in (*tables, recorded._CATALAN, recorded._HINDI, recorded._RUSSIAN):
        for phone, ipa in table.items():
            assert not ipa or targets.symbols(ipa), phone
            assert not targets.unknown_letters(ipa), phone


def test_no_person_is_in_both_training_and_scoring(recorded: ModuleType) -> None:
    assert not set(recorded.TRAINING) & set(recorded.HELD_OUT)
    heldout, vocabulary = importlib.import_module("lipsync.heldout"), importlib.import_module("lipsync.vocabulary")
    known = " ".join([*vocabulary.RIGHTS.values(), *vocabulary.HARVARD])
    assert not any(sentence in known for texts in heldout.RECORDED.values() for sentence in texts)


def test_a_missing_program_is_named_with_what_to_install(recorded: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(OSError, match="apt install flite festival"):
        recorded.speak("slt", ["Hello."], 1.0)


def test_what_festival_says_otherwise_each_time_is_left_out_and_what_crackles_once_is_not(
    recorded: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls, program = tmp_path / "calls", tmp_path / "festival"
    # stands in for Festival, a few of whose thousands of sentences crackle otherwise each time: the first does always
    # here, the second the first time only, when the third is not said
    program.write_text(
        f"#!{sys.executable}\n"
        "import re, sys, wave, pathlib\n"
        f"calls = pathlib.Path({str(calls)!r})\n"
        "calls.write_text((calls.read_text() if calls.exists() else '') + '.')\n"
        "time = len(calls.read_text())\n"
        "crackles = {'0': time, '1': time == 1}\n"
        "text = pathlib.Path(sys.argv[-1]).read_text()\n"
        "for path in re.findall(r'\"(\\S+)\\.wav\"', text):\n"
        "    if time == 1 and path.endswith('2'):\n"
        "        continue\n"
        "    with wave.open(path + '.wav', 'wb') as file:\n"
        "        file.setparams((1, 2, 16000, 0, 'NONE', ''))\n"
        "        file.writeframes(bytes(8000) + bytes([crackles.get(path[-1], 0), 0]) + bytes(2 * int(path[-1])))\n"
        "    pathlib.Path(path + '.lab').write_text('#\\n0.1 100 pau\\n0.3 100 ah\\n0.5 100 pau\\n')\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    said = recorded.speak("ked", ["Mama.", "Papa.", "Baby.", "Mummy."], 1.0)
    assert [len(utterance.samples) - 4001 for utterance in said] == [1, 2, 3]
    assert not any(utterance.samples.any() for utterance in said)
    assert len(calls.read_text()) == 3
