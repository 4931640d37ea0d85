"""``make audit``: a database that gave no answer is never taken for a clean one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tools.audit import PYTHON_LOCKS, ROOT, Finding, Verdict, judge_pages, judge_python

CLEAN = {"name": "flask", "version": "3.1.3", "vulns": []}
VULNERABLE = {
    "name": "flask",
    "version": "0.5",
    "vulns": [{"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "aliases": ["CVE-2019-1010083"], "description": "…"}],
}
# what pip-audit says, with exit code 0, where it reaches a mirror without advisories
SKIPPED = {"name": "yarl", "skip_reason": "Dependency not found on PyPI and could not be audited: yarl (1.25.1)"}


def of_python(*libraries: object) -> str:
    return json.dumps({"dependencies": libraries, "fixes": []})


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        (of_python(CLEAN), Verdict.CLEAN),
        (of_python(CLEAN, VULNERABLE), Verdict.VULNERABLE),
        (of_python(SKIPPED, VULNERABLE), Verdict.VULNERABLE),
        (of_python(CLEAN, SKIPPED), Verdict.NOT_ASKED),
        (of_python(), Verdict.NOT_ASKED),
        ("", Verdict.NOT_ASKED),
        ("[]", Verdict.NOT_ASKED),
        ("Traceback", Verdict.NOT_ASKED),
    ],
)
def test_a_report_on_python_libraries(report: str, verdict: Verdict) -> None:
    assert judge_python(report).verdict == verdict


def test_a_vulnerability_is_named_with_the_version_that_mends_it() -> None:
    assert judge_python(of_python(VULNERABLE)).lines == ("flask 0.5: PYSEC-2019-179, mended in 1.0",)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ('{"vulnerabilities": {}, "metadata": {"vulnerabilities": {"total": 0}}}', Finding(Verdict.CLEAN)),
        (
            (
                '{"vulnerabilities": {"vite": {"severity": "high", "range": "<5"}},'
                ' "metadata": {"vulnerabilities": {"total": 1}}}'
            ),
            Finding(Verdict.VULNERABLE, ("vite: high, <5",)),
        ),
        ('{"message": "405 Method Not Allowed", "error": {}}', Finding(Verdict.NOT_ASKED, ("npm error",))),
        ("", Finding(Verdict.NOT_ASKED, ("npm error",))),
    ],
)
def test_a_report_on_libraries_of_the_pages(report: str, expected: Finding) -> None:
    assert judge_pages(report, "npm warn\nnpm error\n\n") == expected


def test_without_a_database_the_audit_is_no_success() -> None:
    # nothing listens on port 9 of this machine
    nowhere = "http://127.0.0.1:9"
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), nowhere)
    environ = {**os.environ, **proxies, "npm_config_proxy": nowhere, "npm_config_https_proxy": nowhere}
    environ |= {"npm_config_fetch_retries": "0", "no_proxy": "", "NO_PROXY": ""}
    done = subprocess.run(
        [sys.executable, "-m", "tools.audit"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    locks = [*PYTHON_LOCKS, "html/package-lock.json"]
    assert [line for line in done.stdout.splitlines() if "NOT AUDITED" in line] == [
        f"{lock}: NOT AUDITED, the advisory database gave no answer" for lock in locks
    ]
    assert "Run make audit where PyPI and the npm registry can be reached." in done.stderr
