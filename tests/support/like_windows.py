"""Runs a program of ours as on Windows: to our modules, the standard library lacks what Windows lacks.

``python -m tests.support.like_windows MODULE WORDS…`` calls the module's ``main`` with the words. Only what our own
packages import is changed; libraries have code for both systems and take that of the one they run on. What has no build
for Windows (gunicorn) cannot be imported by anybody of ours.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

OURS: Final = ("webviewer", "functions", "dicom_gateway", "renderpool")
MISSING_MODULES: Final = frozenset({"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "gunicorn"})
_NAMES: Final = """
os: fork forkpty killpg getpgid setpgid getpgrp setsid getsid getuid geteuid getgid getegid setuid setgid chown fchown
os: fchmod chroot statvfs fstatvfs pread pwrite preadv sendfile posix_fadvise posix_fallocate fdatasync sysconf sync
os: sched_getaffinity sched_setaffinity nice mkfifo mknod uname wait wait3 wait4 waitid WNOHANG eventfd memfd_create
os: pipe2 O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC O_DSYNC
signal: SIGHUP SIGKILL SIGQUIT SIGUSR1 SIGUSR2 SIGCHLD SIGALRM SIGPIPE SIGSTOP SIGCONT SIGTSTP SIG_BLOCK SIG_UNBLOCK
signal: SIG_SETMASK alarm setitimer pause pthread_sigmask pthread_kill sigwait sigtimedwait sigwaitinfo sigpending
signal: siginterrupt
socket: AF_UNIX SO_REUSEPORT SOCK_SEQPACKET send_fds recv_fds MSG_DONTWAIT SOCK_CLOEXEC
"""
MISSING_NAMES: Final[Mapping[str, frozenset[str]]] = {
    module: frozenset(
        name for line in _NAMES.splitlines() if line.startswith(f"{module}:") for name in line.split()[1:]
    )
    for module in ("os", "signal", "socket")
}


class _Limited(ModuleType):
    """A module of the standard library as Windows has it."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__)
        self.__dict__["_real"] = real

    def __getattr__(self, name: str) -> Any:
        if name in MISSING_NAMES[self.__name__]:
            raise AttributeError(f"Windows has no {self.__name__}.{name}.")
        if self.__name__ == "os" and name == "open":
            return _open
        return getattr(self._real, name)


def _open(path: str | os.PathLike[str], *arguments: Any, **options: Any) -> int:
    if Path(path).is_dir() or "dir_fd" in options:
        raise PermissionError(13, "Windows opens no folders", str(path))
    return os.open(path, *arguments, **options)


def pretend() -> None:
    """Change what modules of ours import from now on."""
    real_import = builtins.__import__
    limited = {name: _Limited(importlib.import_module(name)) for name in MISSING_NAMES}

    def limited_import(
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002  the builtin's own names
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        importer = str((globals or {}).get("__name__", "")).partition(".")[0]
        # a module that is run as a program is called __main__
        if level == 0 and (importer in OURS or (globals or {}).get("__package__", "") in OURS):
            if name.partition(".")[0] in MISSING_MODULES:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name in limited:
                return limited[name]
        return real_import(name, globals, locals, fromlist or (), level)

    builtins.__import__ = limited_import


def main(words: Sequence[str]) -> int:
    """Run one program."""
    pretend()
    return int(importlib.import_module(words[0]).main(list(words[1:])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
