"""What every benchmark shares: the row of the table, paired measuring, finding and running the modules.

A module ``tests/bench/bench_<name>.py`` has::

    IDS = ("ingest_one_association",)          # ids of the rows that run() returns

    def run() -> list[Row]: ...

Both sides of a comparison are measured in turns within one run (`interleaved`), so that what the machine does besides
hits both.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import pkgutil
import platform
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULT_FILE = Path("build/bench.json")


def cpu_name() -> str:
    """Name the processor and how many of its cores we may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, and one object of ``build/bench.json``.

    Parameters
    ----------
    id
        Stable snake_case name; ``make bench ONLY=id`` runs it alone.
    what
        One sentence: what is measured and how.
    unit
        Of ``ours`` and ``peer``: ``ms``, ``objects/s``, ``MB``, …
    ours, peer
        Medians; ``None`` where there is no peer, or where the measurement failed (then ``what`` says why).
    peer_name
        Name and version of the peer, as ``Orthanc 1.10``.
    ratio
        How many times better ours is than the peer; above 1 is better, whatever the unit.
    goal
        The goal in words.
    met
        Whether the goal is met; ``None`` where it cannot be said.
    device
        Processor or graphics device that drew.
    released
        What it is compared with: the last release's ratio where both have one, else its figure.
    change
        By which share it is worse than that: 0.2 for 20 % worse, below 0 where it is better.
    worse
        Whether that is more than `tests.bench.released.MOST_WORSE`; None where nothing can be compared.
    """

    id: str
    what: str
    unit: str
    ours: float | None
    peer: float | None = None
    peer_name: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    device: str = field(default_factory=cpu_name)
    released: float | None = None
    change: float | None = None
    worse: bool | None = None


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return percentile(values, 50)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which ``percent`` of the values lie, linearly between neighbours.

    Raises
    ------
    ValueError
        There are no values.
    """
    if not values:
        raise ValueError("There are no values.")
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low, high = math.floor(place), math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return percentile(values, 95)


def seconds(action: Callable[[], object]) -> float:
    """Run ``action`` once and return how long it took."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def interleaved(
    ours: Callable[[], float], peer: Callable[[], float], *, rounds: int, warm_up: int = 1
) -> tuple[list[float], list[float]]:
    """Measure both sides in turns: ours, peer, peer, ours, …, so that neither is always first.

    Parameters
    ----------
    ours, peer
        Do the work once and return the measured value (seconds, or a rate).
    rounds
        Pairs that count.
    warm_up
        Pairs before them that do not.

    Returns
    -------
    tuple of two lists
        The values of ours and of the peer, ``rounds`` each.
    """
    values_ours: list[float] = []
    values_peer: list[float] = []
    for index in range(warm_up + rounds):
        if index % 2 == 0:
            a, b = ours(), peer()
        else:
            b, a = peer(), ours()
        if index >= warm_up:
            values_ours.append(a)
            values_peer.append(b)
    return values_ours, values_peer


def bench_modules(only: str | None = None) -> Iterable[str]:
    """Name the benchmark modules, or those that make the row ``only`` (an id, or the module's name, no ``bench_``)."""
    package = importlib.import_module("tests.bench")
    for info in pkgutil.iter_modules(package.__path__):
        if not info.name.startswith("bench_"):
            continue
        name = f"tests.bench.{info.name}"
        if only is None or only == info.name.removeprefix("bench_") or only in getattr(_load(name), "IDS", ()):
            yield name


def _load(name: str) -> object:
    return importlib.import_module(name)


def run_all(only: str | None = None, *, say: Callable[[str], None] = print) -> tuple[list[Row], list[str]]:
    """Run the benchmarks one after another; one that fails costs only its own rows.

    Returns
    -------
    tuple of (rows, failures)
        Failures as one line each, ``module: error``.
    """
    rows: list[Row] = []
    failures: list[str] = []
    for name in bench_modules(only):
        say(f"== {name.rpartition('.')[2]}")
        begin = time.monotonic()
        try:
            found: list[Row] = importlib.import_module(name).run()
        except Exception as exc:
            traceback.print_exc()
            failures.append(f"{name}: {type(exc).__name__}: {exc}")
            continue
        say(f"   {time.monotonic() - begin:.0f} s")
        rows += [row for row in found if only is None or row.id == only or name.endswith(f"bench_{only}")]
    return rows, failures


def table(rows: Sequence[Row]) -> str:
    """Lay the rows out as a table of Markdown."""
    head = ("id", "what", "ours", "peer", "ratio", "goal", "met", "released", "change")
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    ours = "–" if row.ours is None else f"{row.ours:.4g} {row.unit}"
    peer = "–" if row.peer is None else f"{row.peer:.4g} {row.unit} ({row.peer_name})"
    ratio = "–" if row.ratio is None else f"{row.ratio:.2f} ×"
    met = {True: "yes", False: "NO", None: "?"}[row.met]
    return (row.id, row.what, ours, peer, ratio, row.goal, met, *_change_cells(row))


def _change_cells(row: Row) -> tuple[str, str]:
    if row.released is None:
        return ("–", "–")
    released = f"{row.released:.2f} ×" if row.ratio is not None else f"{row.released:.4g} {row.unit}"
    if row.change is None:
        return (released, "WORSE" if row.worse else "–")
    words = f"{abs(row.change):.0%} {'worse' if row.change > 0 else 'better'}"
    return (released, words.upper() if row.worse else words)


def write_json(rows: Sequence[Row], file: Path = RESULT_FILE) -> None:
    """Write the rows as a list of objects."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) + "\n", "utf-8")
