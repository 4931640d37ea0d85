"""``make audit``: ask the advisory databases of PyPI and npm for known vulnerabilities of everything that is locked.

Exit codes: 0 none is known, 1 some are known, 2 a database could not be asked. A database that does not answer is no
success: then nothing is known of the libraries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# the lock file of the controller holds all of requirements.lock
PYTHON_LOCKS = ("requirements-controller.lock", "requirements-dev.lock")


class Verdict(IntEnum):
    """Result of an audit, and its exit code."""

    CLEAN = 0
    VULNERABLE = 1
    NOT_ASKED = 2


@dataclass(frozen=True)
class Finding:
    """Result for one lock file, with a line for each vulnerability or the reason why nobody could be asked."""

    verdict: Verdict
    lines: tuple[str, ...] = ()


def judge_python(report: str, errors: str = "") -> Finding:
    """Judge what ``pip-audit --format json`` wrote.

    pip-audit ends with 0 where the database knows none of the libraries, so its exit code is no answer.
    """
    try:
        libraries = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Finding(Verdict.NOT_ASKED, (_last_line(errors),))
    known = tuple(
        f"{one['name']} {one['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version'}"
        for one in libraries
        for found in one.get("vulns", [])
    )
    skipped = tuple(str(one["skip_reason"]) for one in libraries if "skip_reason" in one)
    if known:
        return Finding(Verdict.VULNERABLE, known)
    if skipped or not libraries:
        return Finding(Verdict.NOT_ASKED, skipped[:1] or ("The report names no library.",))
    return Finding(Verdict.CLEAN)


def judge_pages(report: str, errors: str = "") -> Finding:
    """Judge what ``npm audit --json`` wrote."""
    try:
        found = json.loads(report)
        total = int(found["metadata"]["vulnerabilities"]["total"])
    except (ValueError, KeyError, TypeError):
        return Finding(Verdict.NOT_ASKED, (_last_line(errors),))
    if total == 0:
        return Finding(Verdict.CLEAN)
    each = found.get("vulnerabilities", {})
    lines = tuple(f"{name}: {each[name].get('severity')}, {each[name].get('range')}" for name in sorted(each))
    return Finding(Verdict.VULNERABLE, lines)


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "There was no answer.")


def run(environ: Mapping[str, str]) -> Verdict:
    """Ask for each lock file, print what was found, and return the worst verdict."""
    pip = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    npm = [str(ROOT / "tools/with_node.sh"), "npm", "--prefix", "html", "audit", "--json"]
    steps: list[tuple[str, list[str], Callable[[str, str], Finding]]] = [
        (lock, [*pip, "--format", "json", "--requirement", lock], judge_python) for lock in PYTHON_LOCKS
    ]
    steps.append(("html/package-lock.json", npm, judge_pages))
    verdicts = []
    for lock, command, judge in steps:
        done = subprocess.run(command, cwd=ROOT, env=dict(environ), capture_output=True, text=True, check=False)
        finding = judge(done.stdout, done.stderr)
        words = {
            Verdict.CLEAN: "no known vulnerability",
            Verdict.VULNERABLE: f"{len(finding.lines)} known vulnerabilities",
            Verdict.NOT_ASKED: "NOT AUDITED, the advisory database gave no answer",
        }
        print(f"{lock}: {words[finding.verdict]}")
        for line in finding.lines:
            print(f"  {line}")
        verdicts.append(finding.verdict)
    if Verdict.VULNERABLE in verdicts:
        return Verdict.VULNERABLE
    if Verdict.NOT_ASKED in verdicts:
        hint = "Run make audit where PyPI and the npm registry can be reached. Nothing is known until then."
        print(hint, file=sys.stderr)
        return Verdict.NOT_ASKED
    return Verdict.CLEAN


if __name__ == "__main__":
    sys.exit(run(os.environ))
