"""``python -m tests.bench [--only ID] [--list]``: run the benchmarks, print the table, write ``build/bench.json``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.bench.harness import RESULT_FILE, bench_modules, run_all, table, write_json


def main() -> int:
    """Run; the exit code is 1 where a benchmark failed to run or none was found, 0 also where a goal is missed."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", metavar="ID", default=None, help="one row, or one module's name without bench_")
    parser.add_argument("--list", action="store_true", help="name the modules and end")
    parser.add_argument("--json", metavar="FILE", type=Path, default=RESULT_FILE, help="where the rows are written")
    args = parser.parse_args()
    if args.list:
        print("\n".join(bench_modules()))  # noqa: T201
        return 0
    rows, failures = run_all(args.only or None)
    write_json(rows, args.json)
    print(table(rows))  # noqa: T201
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)  # noqa: T201
    if not rows and not failures:
        print(f"No benchmark makes a row {args.only!r}.", file=sys.stderr)  # noqa: T201
    return 1 if failures or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
