#!/usr/bin/env python3
"""Prepare a checkpoint's ONNX graphs for TensorRT and show what each rewrite saved and changed.

scripts/prepare_graphs.py checkpoints/ditto_onnx /tmp/prepared --precision fp16 --batch 1
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from vcam.animators.ditto.networks import NETWORKS
from vcam.engines.prepare import prepare
from vcam.engines.tables import steps_table, summary_table
from vcam.errors import VcamError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="folder of ONNX graphs")
    parser.add_argument("out", type=Path, help="folder for the prepared ones")
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp16")
    parser.add_argument("--batch", type=int, default=1, help="frames at once")
    parser.add_argument("--only", nargs="+", choices=list(NETWORKS), default=(), metavar="NETWORK")
    options = parser.parse_args()
    console = Console()
    with console.status("") as status:
        try:
            made = prepare(
                options.checkpoint,
                options.out,
                options.precision,
                options.batch,
                networks=options.only,
                progress=lambda network, doing: status.update(f"{network}: {doing}"),
            )
        except VcamError as error:
            console.print(str(error), style="red", markup=False)
            return error.exit_code
    for item in made:
        if item.fresh:
            console.print(steps_table(item.record))
    console.print(summary_table(item.record for item in made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
