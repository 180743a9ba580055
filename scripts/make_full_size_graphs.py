#!/usr/bin/env python3
"""Write ONNX graphs of Ditto's networks in their real size and structure, with random weights.

They give no pictures; they show what the real networks cost, and how exact rewrites and roundings of them are.
    scripts/make_full_size_graphs.py /tmp/graphs                    all networks, 2.1 GB
    scripts/make_full_size_graphs.py /tmp/graphs --width 0.1        the same with a tenth of the channels
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import onnx
from full_size import audio, rendering
from full_size.builder import GraphBuilder
from rich.console import Console
from rich.table import Table

from vcam.animators.ditto.networks import NETWORKS
from vcam.engines.flops import count_flops

# What is known of the published networks: million parameters and GFLOP (2 x multiply-accumulate), None where not said.
KNOWN: dict[str, tuple[float | None, float | None]] = {
    "appearance_extractor": (0.84, 64),
    "motion_extractor": (28.1, 12),
    "stitch_network": (None, None),
    "warp_network": (45.5, 342),
    "decoder": (55.4, 892),
    "lmdm": (47.8, 10.3),
    "hubert": (315, 14.5),
}


def makers(custom: bool) -> dict[str, Callable[[float, int], GraphBuilder]]:
    return {
        "appearance_extractor": rendering.appearance_extractor,
        "motion_extractor": rendering.motion_extractor,
        "stitch_network": rendering.stitch_network,
        "warp_network": lambda width, seed: rendering.warp_network(width, seed, custom=custom),
        "decoder": rendering.decoder,
        "lmdm": audio.lmdm,
        "hubert": audio.hubert,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--only", nargs="+", choices=list(KNOWN), default=list(KNOWN), metavar="NETWORK")
    parser.add_argument("--width", type=float, default=1.0, help="of the networks, 1 is real")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--custom", action="store_true", help="sample volumes with GridSample3D, as the published warp_network does"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    table = Table(title=f"width {options.width:g}, seed {options.seed}")
    for name in ("network", "million parameters", "published", "GFLOP", "published", "MB"):
        table.add_column(name, justify="left" if name == "network" else "right")
    for name in options.only:
        builder = makers(options.custom)[name](options.width, options.seed)
        model = builder.model()
        onnx.save(model, options.out / NETWORKS[name].file)
        parameters, flops = KNOWN[name]
        table.add_row(
            name,
            f"{builder.parameters / 1e6:.2f}",
            "-" if parameters is None else f"{parameters:g}",
            f"{count_flops(model) / 1e9:.2f}",
            "-" if flops is None else f"{flops:g}",
            f"{model.ByteSize() / 1e6:.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
