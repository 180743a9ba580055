#!/usr/bin/env python3
"""Run recorded cases of the reference through vcam's pipeline and show how far each stage is off.

    python scripts/conformance.py DIR [--case NAME]... [--json]

DIR holds cases.yaml, checkpoints/, inputs/ and golden/. Exits with 1 if a stage is off by more than it may be, or a
case cannot be run; with 2 if none can.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import cv2
from ditto_conformance.compare import Result, compare, this_opencv
from ditto_conformance.data import Case, load_cases
from ditto_conformance.trace import Trace
from rich.console import Console
from rich.table import Table

from vcam.animators.ditto.backends.base import Network
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.networks import NETWORKS
from vcam.animators.ditto.reference import run_reference
from vcam.errors import VcamError


def load_networks(folder: Path, backend: OnnxBackend) -> dict[str, Network]:
    """Every network of a folder's checkpoint, by name."""
    graphs = folder / "checkpoints" / "ditto_onnx"
    return {name: backend.load(graphs / spec.file, spec) for name, spec in NETWORKS.items()}


def run_case(case: Case, networks: Mapping[str, Network], backend: OnnxBackend) -> list[Result]:
    """Run one case and compare every stage that was recorded. Raises VcamError if it cannot be run."""
    trace = Trace(case.golden)
    run_reference(case.run(), case.samples(), networks, backend, trace.observe)
    return compare(trace.arrays(), case.golden, this_opencv())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--case", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    asked = parser.parse_args(arguments)
    errors = Console(stderr=True)
    failures: dict[str, str] = {}
    results: dict[str, list[Result]] = {}
    try:
        cases = load_cases(asked.folder)
        backend = OnnxBackend("cpu")
        networks = load_networks(asked.folder, backend)
    except (VcamError, OSError, ValueError, KeyError, TypeError) as error:
        return _refused(errors, f"{asked.folder}: {error}")
    for case in cases:
        if asked.case and case.name not in asked.case:
            continue
        began = time.monotonic()
        try:
            results[case.name] = run_case(case, networks, backend)
        except (VcamError, OSError, ValueError, KeyError) as error:
            failures[case.name] = str(error)
        took = f"{time.monotonic() - began:.1f} s"
        errors.print(f"{case.name}: {failures.get(case.name, took)}", markup=False, highlight=False)
    if unknown := set(asked.case or ()) - {case.name for case in cases}:
        return _refused(errors, f"there is no case {', '.join(sorted(unknown))}")
    if not results:
        return _refused(errors, "no case could be run")
    _show(results, failures, asked.json)
    return 0 if not failures and all(result.passed for each in results.values() for result in each) else 1


def _refused(errors: Console, why: str) -> int:
    errors.print(f"conformance: {why}", markup=False, highlight=False, soft_wrap=True)
    return 2


def _show(results: Mapping[str, list[Result]], failures: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        facts: dict[str, object] = {name: {r.stage.name: _facts(r) for r in each} for name, each in results.items()} | {
            name: {"error": why} for name, why in failures.items()
        }
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
        return
    stages = list(dict.fromkeys(result.stage for each in results.values() for result in each))
    table = Table(title=f"greatest difference, opencv {cv2.__version__} ({this_opencv()})", title_justify="left")
    table.add_column("stage", no_wrap=True)
    table.add_column("allowed", justify="right", no_wrap=True)
    for name in results:
        table.add_column(name.replace("_", " "), justify="right", min_width=8)
    for stage in stages:
        found = [next((r for r in each if r.stage == stage), None) for each in results.values()]
        limit = next(r.limit for r in found if r is not None)
        allowed = f"{limit.difference:.0e}" if limit.difference else "equal"
        if limit.share < 1:
            allowed += f", {limit.share:.0%}"
        table.add_row(stage.name, allowed, *(_cell(result) for result in found))
    console = Console(width=None if sys.stdout.isatty() else 40 + 11 * len(results))
    console.print(table)
    off = [f"{name}: {r.stage.name}" for name, each in results.items() for r in each if not r.passed]
    console.print(f"[red]off: {', '.join(off)}[/]" if off else f"All {len(results)} cases are within the limits.")
    if failures:
        console.print(f"[red]not run: {', '.join(failures)}[/]")


def _cell(result: Result | None) -> str:
    if result is None:
        return "-"
    text = f"{result.difference:.1e}" if result.difference else "0"
    if result.missing:
        text = "no " + ", ".join(result.missing)
    elif result.limit.share < 1 and result.share:
        text += f" {result.share:.2%}"
    return text if result.passed else f"[bold red]{text}[/]"


def _facts(result: Result) -> dict[str, object]:
    return {
        "difference": result.difference,
        "share": result.share,
        "allowed": result.limit.difference,
        "missing": list(result.missing),
        "passed": result.passed,
    }


if __name__ == "__main__":
    sys.exit(main())
