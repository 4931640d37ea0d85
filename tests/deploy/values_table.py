"""The table of values in the chart's README, made from the ``# --`` lines of ``values.yaml``.

``python -m tests.deploy.values_table`` writes it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.deploy import chart

README = chart.CHART / "README.md"
_BEGIN, _END = "<!-- values -->\n", "<!-- end of values -->\n"
_LINE = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9-]*):(?P<rest>.*)$")


def values_table() -> dict[str, tuple[Any, str]]:
    """Return default and description by path, in the order of the file.

    A line ``# --`` describes the next key with all that is below it; a key below a described one is not told again.
    """
    table: dict[str, tuple[Any, str]] = {}
    path: list[str] = []
    words: list[str] = []
    described = 10**6  # the indent of the described key that we are below
    for line in (chart.CHART / "values.yaml").read_text().splitlines():
        comment = line.strip()
        if comment.startswith("# -- "):
            words = [comment.removeprefix("# -- ")]
            continue
        if comment.startswith("#"):
            words = [*words, comment.removeprefix("# ")] if words else []
            continue
        match = _LINE.match(line)
        if match is None or len(match["indent"]) > described:
            continue
        depth = len(match["indent"]) // 2
        path = [*path[:depth], match["key"]]
        described = len(match["indent"]) if words or match["rest"].strip() else 10**6
        if words or match["rest"].strip():
            table[".".join(path)] = (_value_at(path), " ".join(words))
        words = []
    return table


def _value_at(path: list[str]) -> Any:
    value: Any = chart.default_values()
    for name in path:
        value = value[name]
    return value


def readme_with(table: dict[str, tuple[Any, str]]) -> str:
    """Return the README with this table in its place."""
    text = README.read_text()
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    rows = ["| value | default | |", "|---|---|---|"]
    for path, (default, words) in table.items():
        shown = json.dumps(default, ensure_ascii=False)
        rows.append(f"| `{path}` | `{shown}` | {words.replace('|', '&#124;')} |")
    return f"{before}{_BEGIN}" + "\n".join(rows) + f"\n{_END}{after}"


if __name__ == "__main__":
    README.write_text(readme_with(values_table()))
