"""Train the lips of the ``lite`` animator: ``python scripts/train_lipsync.py [--output FILE] [--cache FOLDER] [...]``.

Makes its own speech with espeak-ng (apt install espeak-ng libespeak-ng1) and with voices built from recordings (the
packages in ``lipsync.recorded.PACKAGES``), trains with PyTorch (pip install 'vcam[train]'), writes the weights that
ship and prints four tables: of the set by which settings are chosen, of a further one by which networks are compared
too, of the one that is only for the verdict (other languages and texts in each, and no voice of the training), and of
recorded people whom training did not hear. The result depends on the options alone.
``--evaluate FILE`` scores weights without training.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from lipsync.evaluate import CONDITIONS, score, table
from lipsync.heldout import development, further, recorded_people, verdict
from lipsync.settings import Settings

from vcam.animators.lite.lipsync import LipNet, unpacked

logger = logging.getLogger("train_lipsync")
WEIGHTS = Path(__file__).resolve().parents[1] / "vcam" / "assets" / "lipsync.npz"


def main() -> None:
    default = Settings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="where the weights go (%(default)s)")
    parser.add_argument("--evaluate", type=Path, metavar="FILE", help="only score these weights")
    cache = Path(tempfile.gettempdir()) / "vcam-lipsync"
    parser.add_argument("--cache", type=Path, default=cache, help="where speech is kept (%(default)s)")
    parser.add_argument("--hours", type=float, default=default.hours, help="of speech (%(default)s)")
    count = "of the weights (%(default)s); four times as many make lips a little better in noise"
    parser.add_argument("--updates", type=int, default=default.updates, help=count)
    parser.add_argument("--layers", type=int, default=default.layers)
    parser.add_argument("--units", type=int, default=default.units)
    precision = "of large layers; float32 where a processor is slow with the other"
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default=default.precision, help=precision)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--workers", type=int, default=default.workers, help="processes that make sound (%(default)s)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    if options.evaluate is None:
        settings = Settings(
            hours=options.hours,
            updates=options.updates,
            layers=options.layers,
            units=options.units,
            precision=options.precision,
            seed=options.seed,
            workers=options.workers,
            cache=options.cache,
        )
        try:
            _train(settings, options.output)
        except ModuleNotFoundError as error:
            parser.exit(1, f"Training needs {error.name}: pip install 'vcam[train]'. --evaluate does without.\n")
        except OSError as error:
            parser.exit(1, f"{error}\n")
        except BrokenProcessPool:
            why = "A process that makes sound has crashed, or was ended for want of memory."
            parser.exit(1, f"{why} Finished parts of the speech are kept in {options.cache}: run this again.\n")
    with np.load(options.evaluate or options.output, allow_pickle=False) as arrays:
        net = LipNet(unpacked({name: arrays[name] for name in arrays.files}))
    for name, speak, seed in (("development", development, 1), ("further", further, 2), ("verdict", verdict, 4)):
        sys.stdout.write(table(net, name, speak(seed), default.seed, options.workers) + "\n")
        named = score(net, speak(seed, measured=False), CONDITIONS["clean"], default.seed)
        sys.stdout.write(f"clean, with vowels as open as the IPA has what they are called: jaw r {named.jaw:.3f}\n\n")
    try:
        people = recorded_people(3)
    except OSError as error:
        sys.stdout.write(f"recorded people: left out, {error}\n")
        return
    sys.stdout.write(table(net, "recorded people", people, default.seed, options.workers) + "\n")


def _train(settings: Settings, output: Path) -> None:
    from lipsync.network import exported  # PyTorch is for training only
    from lipsync.stored import save
    from lipsync.training import train

    started = time.monotonic()
    weights = exported(train(settings))
    output.parent.mkdir(parents=True, exist_ok=True)
    save(output, weights)
    size = output.stat().st_size / 1024
    logger.info("trained in %.1f min; %s has %.0f KiB", (time.monotonic() - started) / 60, output, size)


if __name__ == "__main__":
    main()
