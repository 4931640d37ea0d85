"""A background process lowers its priority where it may, and works on where a sandbox forbids that."""

from __future__ import annotations

import subprocess
import sys

# what systemd's SystemCallFilter=~@resources does to os.nice: setpriority (x86-64: 141, arm64: 140) fails with EPERM
FORBID = """
import ctypes, platform, struct
number = {"x86_64": 141, "aarch64": 140}[platform.machine()]
LOAD_NUMBER, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, EPERM = 0x7FFF0000, 0x00050001
steps = [(LOAD_NUMBER, 0, 0, 0), (IF_EQUAL, 0, 1, number), (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
"""
GIVE_WAY = (
    "import os; from webviewer.core.system import give_way; before = os.nice(0); give_way(); print(os.nice(0) - before)"
)


def lowered_by(script: str) -> int:
    """Return by how much a process lowers its priority."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_background_process_gives_way_and_goes_on_where_it_must_not() -> None:
    assert lowered_by(GIVE_WAY) == 10
    forbidden = GIVE_WAY.replace("os.nice(0)", "os.getpriority(os.PRIO_PROCESS, 0)")
    assert lowered_by(FORBID + forbidden) == 0
