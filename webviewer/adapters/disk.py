"""Which disk a storage folder is on, by a name that nodes of one disk share; the control node counts its room once.

- A local file system is named by the running kernel and the device number. Containers of one machine share both, and
  neither a host name nor a UUID does: containers have host names of their own, and cloned machines have equal UUIDs.
- A network file system is named by its server: two machines that mount it see one disk. Of NFS the server's own number
  of the file system tells that two exported folders are on one disk, where the kernel lists it.

The name is a digest, which tells nobody a path or a host.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

# Of other network file systems (9p, OCFS2) the source is a name or a device of one machine alone.
_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "ceph", "lustre", "beegfs", "gpfs", "fuse.glusterfs", "fuse.sshfs"}
)
_PROC: Final = Path("/proc")
_NO_FSID: Final = {"0", "0:0"}


def disk_id(folder: Path, proc: Path = _PROC) -> str:
    """Return a name of the disk that a folder is on, 16 hexadecimal digits; empty where it cannot be known.

    Parameters
    ----------
    folder
        Is there.
    proc
        Where the kernel tells of itself.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            fdinfo = (proc / "self" / "fdinfo" / str(fd)).read_text("utf-8")
            device = os.fstat(fd).st_dev
        finally:
            os.close(fd)
        mounts = (proc / "self" / "mountinfo").read_text("utf-8", "replace")
        kernel = (proc / "sys" / "kernel" / "random" / "boot_id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    try:
        nfs_volumes = (proc / "self" / "net" / "nfsfs" / "volumes").read_text("ascii", "replace")
    except OSError:
        nfs_volumes = ""
    found = re.search(r"^mnt_id:\s*(\d+)$", fdinfo, re.MULTILINE)
    name = name_of_mount(mounts, found[1], kernel, nfs_volumes) if found else ""
    # Below a root that was changed to, the kernel does not list the mount that the root lies in.
    name = name or f"{kernel} {os.major(device)}:{os.minor(device)}"
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def name_of_mount(mounts: str, mount_id: str, kernel: str, nfs_volumes: str = "") -> str:
    """Return the name of a mounted file system, before it is made a digest; empty for a mount that is not listed.

    Parameters
    ----------
    mounts
        ``/proc/self/mountinfo``: ``36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue``.
    mount_id
        Its first column.
    kernel
        Another text for each kernel that runs.
    nfs_volumes
        ``/proc/net/nfsfs/volumes``: version, server's address and port, device, the server's number of the file system.
    """
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        words, more = before.split(), after.split(" ")
        if len(words) < 5 or words[0] != mount_id or len(more) < 2:
            continue
        device, kind, source = words[2], more[0], more[1]
        if kind in ("nfs", "nfs4"):
            for volume in nfs_volumes.splitlines()[1:]:
                columns = volume.split()
                if len(columns) >= 5 and columns[3] == device and columns[4] not in _NO_FSID:
                    return f"nfs {columns[1]} {columns[4]}"
        if kind in _NETWORK:
            return f"{kind.rstrip('4')} {source}"
        return f"{kernel} {device}"
    return ""
