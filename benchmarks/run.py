"""`python benchmarks/run.py [release|grade|worker] [--repeats N]`: tables of what things cost, next to their budgets.

Nothing is stored and nothing is asserted: a shared machine's figures mean something only as ratios within one run.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

PARTS = {"release": 3, "grade": 5, "worker": 50}
"""What can be measured, and how often each is repeated by default."""


def main() -> None:
    """Run the parts named on the command line, all by default, each in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="release, grade, worker; all by default")
    parser.add_argument("--repeats", type=int, help="how often each measurement is repeated")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.parts) - set(PARTS))
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}: choose from {', '.join(PARTS)}")
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    os.environ["OMP_NUM_THREADS"] = "1"
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}", flush=True)
    for part in arguments.parts or PARTS:
        try:
            importlib.import_module(part).measure(arguments.repeats or PARTS[part])
        except importlib.import_module("measure").MeasuringError as error:
            sys.exit(f"error[benchmark]: {part} could not be measured: {error}")


if __name__ == "__main__":
    main()
