"""A supervisor with three small nodes in place of the real ones, for tests of the supervisor alone.

``python -m tests.support.stand_in_nodes FOLDER [--stubborn NAME] [--broken NAME] [--refusing NAME]``: every node writes
``FOLDER/<name>.pid`` at each start (appending) and has a child of its own that writes ``FOLDER/<name>-child.pid``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from functions.supervisor import NodeCannotStart, NodeCommand, Supervisor
from webviewer.config import LogSettings
from webviewer.core import log

NODE = """
import os, signal, subprocess, sys, time
from pathlib import Path
from webviewer.core.process import leave_with_parent
leave_with_parent(grace_s=1.0)
folder, name, mood = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if mood == "broken":
    print("no graphics device found", file=sys.stderr, flush=True)
    sys.exit(70)
if mood == "refusing":
    print("RenderNode: Device 7 is not there: must be 0 to 0.", file=sys.stderr, flush=True)
    sys.exit(5)
if mood == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
for file, pid in ((f"{name}-child.pid", child.pid), (f"{name}.pid", os.getpid())):
    with (folder / file).open("a") as out:
        out.write(f"{pid}\\n")
while True:
    time.sleep(600)
"""


def main() -> int:
    """Run the supervisor until a signal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stubborn", default="")
    parser.add_argument("--broken", default="")
    parser.add_argument("--refusing", default="")
    parser.add_argument("--grace", type=float, default=1.0)
    args = parser.parse_args()
    log.configure(LogSettings(file=args.folder / "server.log", to_console=False), "supervisor")
    commands = []
    for name in ("storage", "render", "control"):
        moods = {args.stubborn: "stubborn", args.broken: "broken", args.refusing: "refusing"}
        mood = moods.get(name, "good")
        command = (sys.executable, "-c", NODE, str(args.folder), name, mood)
        commands.append(NodeCommand(name, command, dict(os.environ)))
    supervisor = Supervisor(commands, stop_grace_s=args.grace, lasting_exit_codes={5})
    try:
        return supervisor.run()
    except NodeCannotStart as exc:
        sys.stderr.write(exc.message + "\n")
        return exc.exit_code


if __name__ == "__main__":
    sys.exit(main())
