"""``python -m tests.bench [--only ID] [--list]``: run the benchmarks, print the table, write ``build/bench.json``.

Each row is compared with the last release (`tests.bench.released`); ``--release VERSION`` writes its figures anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.bench.harness import RESULT_FILE, bench_modules, run_all, table, write_json
from tests.bench.released import compared, not_measured, read_released, write_released


def main() -> int:
    """Run the benchmarks.

    Returns
    -------
    int
        1 where a benchmark failed to run or none was found; 2 with ``--strict`` where a figure is worse than the last
        release's; else 0, also where a goal is missed.
    """
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", metavar="ID", default=None, help="one row, or one module's name without bench_")
    parser.add_argument("--list", action="store_true", help="name the modules and end")
    parser.add_argument("--json", metavar="FILE", type=Path, default=RESULT_FILE, help="where the rows are written")
    parser.add_argument("--strict", action="store_true", help="exit code 2 where a row is marked as worse")
    parser.add_argument("--release", metavar="VERSION", default="", help="keep the figures as those of this release")
    args = parser.parse_args()
    if args.list:
        print("\n".join(bench_modules()))  # noqa: T201
        return 0
    measured, failures = run_all(args.only or None)
    released = read_released()
    rows = [compared(row, released) for row in measured]
    write_json(rows, args.json)
    print(table(rows))  # noqa: T201
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)  # noqa: T201
    for row in rows:
        if row.worse:
            words = "" if row.change is None else f" by {row.change:.0%}"
            sys.stderr.write(f"WORSE than the last release{words}: {row.id}\n")
    if not args.only:
        for missing in not_measured(rows, released):
            sys.stderr.write(f"NOT MEASURED, but released: {missing}\n")
    if args.release and not failures:
        write_released(rows, args.release, keep=bool(args.only))
    if not rows and not failures:
        print(f"No benchmark makes a row {args.only!r}.", file=sys.stderr)  # noqa: T201
    if failures or not rows:
        return 1
    return 2 if args.strict and any(row.worse for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
