"""`make bench`: every promise of speed, in one run with its floor where it has one. Exit code 1 if one is not kept.

    python -m benchmarks [NAME …] [--slack N]

A family with a row that misses its limit is measured again, twice at most, and the best of each row counts: a
machine that does other work makes slower, never faster. ``--slack 3`` lets every limit be missed by that
factor before the run fails (limits are printed as they are): what a machine of unknown load can still hold.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys

from benchmarks.measure import Row

FAMILIES = (
    "steps", "stepping", "kernel", "starts", "overhead", "breakpoints", "loads", "large", "tool_calls", "tools",
    "language",
)  # fmt: skip
TRIES = 3


def measured(family: str, slack: float) -> list[Row]:
    rows = importlib.import_module(f"benchmarks.{family}").rows
    best = list(rows())
    for _ in range(TRIES - 1):
        if all(row.value is None or row.kept(slack) for row in best):
            break
        print(f"    {family}: measured again, a limit was missed", flush=True)
        best = [old.better(new) for old, new in zip(best, rows(), strict=True)]
    return best


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("families", nargs="*", metavar="NAME", help=f"any of {', '.join(FAMILIES)}; all unless given")
    parser.add_argument("--slack", type=float, default=1.0, help="fail only beyond this multiple of a limit")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended too
    for name in options.families:
        if name not in FAMILIES:
            parser.error(f"there is no family {name!r}; there are {', '.join(FAMILIES)}")
    found: list[Row] = []
    for family in options.families or FAMILIES:
        for row in measured(family, options.slack):
            print(f"{row}   {row.note}".rstrip(), flush=True)
            found.append(row)
    return told(found, options.slack)


def told(rows: list[Row], slack: float) -> int:
    kept, unknown = all(row.kept(slack) for row in rows), sum(row.value is None for row in rows)
    print(
        "A promise is not kept."
        if not kept
        else "All promises are kept."
        if slack == 1
        else f"No promise is missed by more than {slack:g} times."
    )
    if unknown:
        print(f"{unknown} of {len(rows)} could not be measured here.")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
