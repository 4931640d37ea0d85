"""Children that a process forks share what it had made, also after their own garbage collections."""

from __future__ import annotations

import subprocess
import sys

# 200,000 objects that the collector looks at; the child says how much it made its own by one collection.
PROGRAM = """
import gc, os, sys
from webviewer.core.process import share_with_forked

def private_kib():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

gc.disable()
made = [[number] for number in range(200_000)]
if sys.argv[1] == "shared":
    share_with_forked()
if os.fork() == 0:
    before = private_kib()
    gc.collect()
    print(private_kib() - before, flush=True)
    os._exit(0)
os.wait()
"""


def copied_kib(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], check=True, capture_output=True, text=True)
    return int(done.stdout)


def test_a_collection_in_a_child_copies_nothing_of_its_parent() -> None:
    assert copied_kib("as made") > 8000
    assert copied_kib("shared") < 2000
