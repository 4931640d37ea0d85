"""The figures of the last release, in `released.json`, and how far a run's figures are from them.

- Where both have a peer's figure from the same run, the ratios to the peer are compared: they hardly depend on the
  machine. Otherwise the figures themselves are, which says most on the machine that the release was measured on.
- ``python -m tests.bench --release VERSION`` writes the file anew from a whole run; with ``--only ID`` that row alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.bench.harness import Row

RELEASED_FILE = Path(__file__).with_name("released.json")
MOST_WORSE = 0.15
"""A figure is marked when it is worse than the released one by more than this share."""

_IS_HIGHER_BETTER = {
    "ms": False,
    "CPU ms": False,
    "MB": False,
    "bytes": False,
    "MB/s": True,
    "frames/s": True,
    "objects/s": True,
    "x": True,
}


@dataclass(frozen=True, slots=True)
class Released:
    """One released figure.

    Parameters
    ----------
    id, unit, ours, ratio, device
        As of `harness.Row`; one of figure and ratio is there.
    version
        The release.
    """

    id: str
    unit: str
    ours: float | None
    ratio: float | None
    device: str
    version: str


def read_released(file: Path = RELEASED_FILE) -> dict[str, Released]:
    """Return the released figures by id; none where there is no file."""
    if not file.exists():
        return {}
    return {one["id"]: Released(**one) for one in json.loads(file.read_text("utf-8"))}


def write_released(rows: Sequence[Row], version: str, file: Path = RELEASED_FILE, *, keep: bool = False) -> None:
    """Write the figures of a release; rows without a figure are left out.

    Parameters
    ----------
    keep
        Whether rows of the file that were not measured now stay as they are.

    Raises
    ------
    ValueError
        The unit of a row is not known to be better high or low.
    """
    found = read_released(file) if keep else {}
    for row in rows:
        if row.ours is None:
            continue
        is_higher_better(row.unit)
        found[row.id] = Released(row.id, row.unit, float(f"{row.ours:.4g}"), _rounded(row.ratio), row.device, version)
    ordered = [asdict(found[row_id]) for row_id in sorted(found)]
    file.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else float(f"{ratio:.4g}")


def is_higher_better(unit: str) -> bool:
    """Return whether more of a unit is better.

    Raises
    ------
    ValueError
        Nobody has said it of this unit.
    """
    if unit not in _IS_HIGHER_BETTER:
        raise ValueError(f"Unit {unit!r} is unknown: say in tests/bench/released.py whether more of it is better.")
    return _IS_HIGHER_BETTER[unit]


def compared(row: Row, released: Mapping[str, Released]) -> Row:
    """Return the row with `Row.released`, `Row.change` and `Row.worse`, as far as there is something to compare."""
    old = released.get(row.id)
    if old is None or row.ours is None:
        return row
    if row.ratio is not None and old.ratio is not None:
        return _judged(row, old.ratio, row.ratio, higher_is_better=True)
    if old.ours is None or row.unit != old.unit:
        return row
    return _judged(row, old.ours, row.ours, higher_is_better=is_higher_better(row.unit))


def _judged(row: Row, old: float, new: float, *, higher_is_better: bool) -> Row:
    worse, better = (old, new) if higher_is_better else (new, old)  # equal figures have the quotient 1
    if better <= 0:
        return replace(row, released=old, worse=worse > 0)
    change = worse / better - 1
    return replace(row, released=old, change=change, worse=change > MOST_WORSE)


def not_measured(rows: Sequence[Row], released: Mapping[str, Released]) -> list[str]:
    """Return the ids of released figures that a run lacks."""
    found = {row.id for row in rows if row.ours is not None}
    return sorted(set(released) - found)
