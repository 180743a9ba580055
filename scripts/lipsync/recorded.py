"""Speech built from recordings of people, with known phoneme times: the voices of flite and Festival.

A formant synthesiser's throat is too plain: a network that knows nothing else follows real voices badly. These voices
are put together from what a person said (flite: Black & Lenzo 2001; Festival: Black & Taylor 1997), so their spectra
are a person's. Debian and Ubuntu have them: apt install flite festival and the packages in ``PACKAGES``.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .espeak import EMPTY_FRESH_MEMORY, Segment, Utterance

PACKAGES = (
    *("flite", "festival", "festvox-kdlpc16k", "festvox-italp16k", "festvox-itapc16k", "festvox-suopuhe-lj"),
    *("festvox-suopuhe-mv", "festvox-czech-dita", "festvox-czech-krb", "festvox-czech-machac", "festvox-czech-ph"),
    *("festvox-ca-ona-hts", "festvox-hi-nsk", "festival-hi", "festvox-ru", "festvox-us-slt-hts"),
)


def _english(phone: str) -> str:
    return _ARPABET[phone]


def _italian(phone: str) -> str:
    return _ITALIAN.get(phone.rstrip("1"), phone.rstrip("1"))


def _finnish(phone: str) -> str:
    return _FINNISH.get(phone.rstrip(":"), phone.rstrip(":"))


def _czech(phone: str) -> str:
    return _CZECH.get(phone.rstrip(":"), phone.rstrip(":"))


def _catalan(phone: str) -> str:
    return _CATALAN.get(phone.rstrip("1"), phone.rstrip("1"))


def _hindi(phone: str) -> str:
    return _HINDI.get(phone, phone)


def _russian(phone: str) -> str:
    return _RUSSIAN.get(phone, phone[:1])  # doubled when soft


@dataclass(frozen=True, slots=True)
class Voice:
    """``function`` is Festival's, None for flite's voices; ``ipa`` translates a phone, "" being a pause.

    ``letters``: what the voice can read beside a to z.
    """

    language: str
    ipa: Callable[[str], str]
    function: str | None = None
    encoding: str = "ascii"
    letters: str = "'"


VOICES: Mapping[str, Voice] = {
    "kal16": Voice("en", _english),
    "awb": Voice("en", _english),
    "rms": Voice("en", _english),
    "slt": Voice("en", _english),
    "ked": Voice("en", _english, "voice_ked_diphone"),
    "lp": Voice("it", _italian, "voice_lp_diphone", "latin-1", "'àèéìòù"),
    "pc": Voice("it", _italian, "voice_pc_diphone", "latin-1", "'àèéìòù"),
    "mv": Voice("fi", _finnish, "voice_hy_fi_mv_diphone", "latin-1", "äö"),
    "lj": Voice("fi", _finnish, "voice_suo_fi_lj_diphone", "latin-1", "äö"),
    "dita": Voice("cs", _czech, "voice_czech_dita", "iso-8859-2", "áčďéěíňóřšťúůýž"),
    "krb": Voice("cs", _czech, "voice_czech_krb", "iso-8859-2", "áčďéěíňóřšťúůýž"),
    "machac": Voice("cs", _czech, "voice_czech_machac", "iso-8859-2", "áčďéěíňóřšťúůýž"),
    "ph": Voice("cs", _czech, "voice_czech_ph", "iso-8859-2", "áčďéěíňóřšťúůýž"),
    "ona": Voice("ca", _catalan, "voice_upc_ca_ona_hts", "latin-1", "'àçèéíïòóúü·"),
    "nsk": Voice("hi", _hindi, "voice_hindi_NSK_diphone", "utf-8", "\u0900-\u097f"),
    "nsh": Voice("ru", _russian, "voice_msu_ru_nsh_clunits", "utf-8", "а-яё"),
    "slt-hts": Voice("en", _english, "voice_cmu_us_slt_arctic_hts"),
}
HELD_OUT = ("rms", "pc", "lj", "machac")
TRAINING = tuple(name for name in VOICES if name not in HELD_OUT)

_ARPABET = {
    **{"aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ", "eh": "ɛ", "er": "ɚ"},
    **{"ey": "eɪ", "ih": "ɪ", "iy": "i", "ow": "oʊ", "oy": "ɔɪ", "uh": "ʊ", "uw": "u"},
    **{"b": "b", "ch": "tʃ", "d": "d", "dh": "ð", "dx": "ɾ", "el": "l", "em": "m", "en": "n", "f": "f", "g": "ɡ"},
    **{"hh": "h", "hv": "ɦ", "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n", "nx": "n", "ng": "ŋ", "p": "p"},
    **{"r": "ɹ", "s": "s", "sh": "ʃ", "t": "t", "th": "θ", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ"},
    **{"pau": "", "h#": "", "brth": ""},
}
_ITALIAN = {
    **{
        "E": "ɛ",
        "O": "ɔ",
        "S": "ʃ",
        "Z": "ʒ",
        "tS": "tʃ",
        "dZ": "dʒ",
        "J": "ɲ",
        "L": "ʎ",
        "ng": "ŋ",
        "nf": "ɱ",
        "g": "ɡ",
    },
    "#": "",
}
_FINNISH = {
    **{"a": "ɑ", "@": "æ", "7": "ø", "&": "ə", "N": "ŋ", "S": "ʃ", "Z": "ʒ", "T": "θ", "D": "ð", "L": "ʎ", "g": "ɡ"},
    **{"w": "ʋ", "v": "ʋ", "#": "", "##": ""},
}
_CZECH = {
    **{"c": "ts", "c~": "tʃ", "ch": "x", "d~": "ɟ", "dz~": "dʒ", "h": "ɦ", "n*": "ŋ", "n~": "ɲ", "r~": "ʒ", "r~*": "ʃ"},
    **{"s~": "ʃ", "t~": "c", "z~": "ʒ", "e": "ɛ", "g": "ɡ", "#": "", "_": ""},
}
_CATALAN = {
    **{"ax": "ə", "E": "ɛ", "O": "ɔ", "r": "ɾ", "rr": "r", "L": "ʎ", "J": "ɲ", "N": "ŋ", "S": "ʃ", "Z": "ʒ", "g": "ɡ"},
    **{"tS": "tʃ", "dZ": "dʒ", "B": "b", "D": "d", "G": "ɣ", "y": "j", "pau": ""},
}
_HINDI = {
    **{"a": "ə", "aa": "a", "ih": "ɪ", "iy": "i", "uh": "ʊ", "uw": "u", "eh": "e", "ee": "e", "ay": "ɛ", "oh": "o"},
    **{"oo": "o", "aw": "ɔ", "w": "ʋ", "v": "ʋ", "y": "j", "r": "ɾ", "R": "ɽ", "L": "ɭ", "N": "ɳ", "g": "ɡ"},
    **{"T": "ʈ", "D": "ɖ", "td": "ʈ", "th": "t", "dh": "d", "tth": "t", "ddh": "d", "kh": "k", "gh": "ɡ", "bh": "b"},
    **{"ch": "tʃ", "j": "dʒ", "sh": "ʃ", "zh": "ʒ", "h": "ɦ", "ksh": "kʂ", "sri": "sɾi", "pau": ""},
}
_RUSSIAN = {
    **{"ii": "i", "yy": "ɨ", "uu": "u", "ee": "ɛ", "oo": "o", "aa": "a", "a": "ɐ", "e": "e", "i": "ɪ", "y": "ɨ"},
    **{"u": "ʊ", "ae": "ə", "ay": "ə", "ur": "ʊ", "l": "ɫ", "ll": "l", "g": "ɡ", "gg": "ɡ", "h": "x", "hh": "x"},
    **{"c": "ts", "ch": "tʃ", "sh": "ʂ", "zh": "ʐ", "sch": "ɕ", "j": "j", "pau": ""},
}
_SEGMENT = re.compile(r"(\S+):([0-9.]+)")


def speak(name: str, sentences: Sequence[str], slowness: float) -> list[Utterance]:
    """Say every sentence, ``slowness`` times as long as usual; left out is what has no sound or sounds new each time.

    OSError: the program or the voice is not installed.
    """
    if VOICES[name].function is None:
        return list(_spoken(name, sentences, slowness, _by_flite).values())
    # Festival crackles in a few sentences of thousands, otherwise each time: what two tellings have alike is good,
    # and a third decides where two differ, or a chance crackle would leave a sentence out of one training only
    tellings = [_spoken(name, sentences, slowness, _by_festival) for _ in range(2)]
    if any(_alike(tellings, i) is None for i in tellings[0].keys() | tellings[1].keys()):
        tellings.append(_spoken(name, sentences, slowness, _by_festival))
    found = (_alike(tellings, i) for i in range(len(sentences)))
    return [utterance for utterance in found if utterance is not None]


_Said = dict[int, tuple[Path, list[tuple[str, float]]]]  # by sentence: its sound, and where each phone ends
_Say = Callable[[str, Sequence[str], float, Path], _Said]


def _spoken(name: str, sentences: Sequence[str], slowness: float, say: _Say) -> dict[int, Utterance]:
    with tempfile.TemporaryDirectory(prefix="vcam-recorded-") as folder:
        said = say(name, sentences, slowness, Path(folder))
        return {i: _read(path, ends, VOICES[name].ipa) for i, (path, ends) in said.items()}


def _alike(tellings: Sequence[Mapping[int, Utterance]], number: int) -> Utterance | None:
    """What two of them have for this sentence."""
    for a, b in itertools.combinations((telling[number] for telling in tellings if number in telling), 2):
        if a.segments == b.segments and np.array_equal(a.samples, b.samples):
            return a
    return None


def _by_flite(name: str, sentences: Sequence[str], slowness: float, folder: Path) -> _Said:
    said = {}
    for i, sentence in enumerate(sentences):
        path = folder / f"{i}.wav"
        options = ["-voice", name, "--setf", f"duration_stretch={slowness:.3f}", "-psdur", "-o", str(path)]
        printed = _run("flite", [*options, "-t", sentence])
        said[i] = path, [(phone, float(end)) for phone, end in _SEGMENT.findall(printed)]
    return {i: (path, ends) for i, (path, ends) in said.items() if len(ends) > 2}


def _by_festival(name: str, sentences: Sequence[str], slowness: float, folder: Path) -> _Said:
    voice = VOICES[name]
    lines = [f"({voice.function})", f"(Parameter.set 'Duration_Stretch {slowness:.3f})"]
    for i, sentence in enumerate(sentences):
        text = re.sub(rf"[^a-z{voice.letters},.?! ]", "", sentence.lower())  # an unknown letter would end the program
        lines += [
            f'(set! utt (Utterance Text "{text}"))',
            "(utt.synth utt)",
            f'(utt.save.wave utt "{folder / str(i)}.wav" \'riff)',
            f'(utt.save.segs utt "{folder / str(i)}.lab")',
        ]
    script = folder / "say.scm"
    script.write_bytes("\n".join(lines).encode(voice.encoding, "ignore"))
    _run("festival", ["-b", str(script)])  # a word that the voice's rules do not know ends it: what was said is good
    said = {}
    for i in range(len(sentences)):
        label = folder / f"{i}.lab"
        if not label.exists():
            continue
        rows = [line.split() for line in label.read_text(voice.encoding).splitlines()]
        ends = [(row[2], float(row[0])) for row in rows if len(row) == 3]
        if len(ends) > 2:
            said[i] = folder / f"{i}.wav", ends
    return said


def _run(program: str, arguments: Sequence[str]) -> str:
    path = shutil.which(program)
    packages = " ".join(PACKAGES)
    if path is None:
        raise OSError(f"{program} is not installed; on Debian and Ubuntu: apt install {packages}")
    environment = {**os.environ, **EMPTY_FRESH_MEMORY}
    done = subprocess.run(
        [path, *arguments], capture_output=True, text=True, errors="replace", check=False, env=environment
    )
    if "unbound variable" in done.stderr or "could not open file" in done.stderr:  # of the voice, of its language
        raise OSError(f"a voice of {program} is not installed; on Debian and Ubuntu: apt install {packages}")
    return done.stdout


def _read(path: Path, ends: Sequence[tuple[str, float]], ipa: Callable[[str], str]) -> Utterance:
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)
    starts = [0.0, *(end for _, end in ends[:-1])]
    segments = [
        Segment(ipa(phone), start, end) for (phone, end), start in zip(ends, starts, strict=True) if end > start
    ]
    return Utterance(samples, rate, [*segments, Segment("", ends[-1][1], max(len(samples) / rate, ends[-1][1]))])
