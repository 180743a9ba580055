from __future__ import annotations

import os
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(find_library("espeak-ng") is None, reason="libespeak-ng is not installed")

_SENTENCES = (
    "doirescoux es usson umagns unient ux!",
    "envernité autres, autres agir uns naisont, égaux de de raternité dans et.",
    "duchu rovní ľudia a ich v duchu, všetci!",
    "en dienit es rn é roilere, etse it detrait e?",
    "daives ens, det donaibrs é humancincon auns t es e?",
    "doués ces é es, naux lives, et dessoien len, dans?",
)
_SPEAK = """
import sys
from hashlib import sha256
from lipsync.espeak import Espeak
espeak = Espeak()
for sentence in sys.argv[1:]:
    utterance = espeak.speak("fr", sentence, 130, 30, 0)
    print(len(utterance.samples), sha256(utterance.samples.tobytes()).hexdigest())
"""


def test_what_is_said_does_not_depend_on_what_memory_held(scripts: Path) -> None:
    said, path = set(), os.pathsep.join(str(folder) for folder in (scripts, scripts.parent))
    for fresh_memory in ("0", "1", "2", "3", "165"):  # glibc fills it with the complement
        environment = {**os.environ, "MALLOC_PERTURB_": fresh_memory, "PYTHONPATH": path}
        command = [sys.executable, "-c", _SPEAK, *_SENTENCES]
        said.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(said) == 1
    assert len(next(iter(said)).splitlines()) == len(_SENTENCES)
