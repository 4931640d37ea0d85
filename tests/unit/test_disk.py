"""Nodes on one disk give it one name: in containers, by bind mounts, and over the network from two machines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from webviewer.adapters.disk import disk_id, name_of_mount

HERE, THERE = "11111111-aaaa", "22222222-bbbb"  # two kernels
HOST = """\
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 27 254:16 / /data rw,relatime shared:2 - xfs /dev/vdb rw
31 27 254:16 /second /srv/second rw,relatime shared:2 - xfs /dev/vdb rw
40 27 0:50 / /nas rw,relatime - nfs4 nas.house:/export/a rw,vers=4.2,addr=10.0.0.9
41 27 0:51 / /share rw,relatime - cifs //nas/pictures rw
"""
# A container of the same machine: other mount ids, and the disk is known there by another path.
CONTAINER = """\
512 480 0:70 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b
530 512 254:16 /third /var/lib/viewer rw,relatime - xfs /dev/vdb rw
"""
OTHER_HOST = """\
22 1 254:16 / /data rw,relatime - xfs /dev/vdb rw
29 22 0:44 / /mnt/nas rw,relatime - nfs4 nas.house:/export/a rw,vers=4.2,addr=10.0.0.9
33 22 0:45 / /mnt/other rw,relatime - nfs4 nas.house:/export/b rw,vers=4.2,addr=10.0.0.9
"""
VOLUMES = """\
NV SERVER   PORT DEV          FSID                              FSC
v4 0a000009  801 {device:12} {fsid:33} no
"""


def test_folders_and_bind_mounts_and_containers_of_one_disk_have_one_name() -> None:
    names = {name_of_mount(HOST, one, HERE) for one in ("30", "31")} | {name_of_mount(CONTAINER, "530", HERE)}
    assert names == {f"{HERE} 254:16"}


def test_two_disks_of_one_machine_have_two_names() -> None:
    assert name_of_mount(HOST, "27", HERE) != name_of_mount(HOST, "30", HERE)


def test_disks_of_two_machines_have_two_names_even_with_equal_device_numbers() -> None:
    """As of machines that were cloned."""
    assert name_of_mount(HOST, "30", HERE) != name_of_mount(OTHER_HOST, "22", THERE)


def test_two_machines_that_mount_one_share_see_one_disk() -> None:
    assert name_of_mount(HOST, "40", HERE) == name_of_mount(OTHER_HOST, "29", THERE) == "nfs nas.house:/export/a"
    assert name_of_mount(HOST, "41", HERE) == "cifs //nas/pictures"


def test_two_exports_of_one_file_system_are_one_disk_where_the_server_s_number_is_known() -> None:
    of_a = name_of_mount(HOST, "40", HERE, VOLUMES.format(device="0:50", fsid="fd01:9"))
    of_b = name_of_mount(OTHER_HOST, "33", THERE, VOLUMES.format(device="0:45", fsid="fd01:9"))
    assert of_a == of_b == "nfs 0a000009 fd01:9"
    assert name_of_mount(HOST, "40", HERE, VOLUMES.format(device="0:99", fsid="fd01:9")) == "nfs nas.house:/export/a"
    assert name_of_mount(HOST, "40", HERE, VOLUMES.format(device="0:50", fsid="0:0")) == "nfs nas.house:/export/a"


@pytest.mark.parametrize("mounts", ["", "broken", "30 27 254:16", "30 27 254:16 / /data rw - xfs", HOST[:20]])
def test_a_mount_that_is_not_listed_has_no_name(mounts: str) -> None:
    assert name_of_mount(mounts, "30", HERE) == ""


def test_the_name_of_a_real_folder_is_a_digest_that_its_subfolders_share(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    name = disk_id(tmp_path / "a")
    assert re.fullmatch("[0-9a-f]{16}", name)
    assert disk_id(tmp_path / "b") == name
    assert disk_id(Path("/proc")) not in ("", name)


def test_a_folder_or_a_kernel_that_tells_nothing_gives_no_name(tmp_path: Path) -> None:
    assert disk_id(tmp_path / "gone") == ""
    assert disk_id(tmp_path, proc=tmp_path) == ""


def test_folders_below_a_root_whose_mount_is_not_listed_share_the_name_of_their_device(tmp_path: Path) -> None:
    """As in a chroot: the kernel names the mount of an open folder, and lists only the mounts below the root."""
    proc = tmp_path / "proc"
    (proc / "self/fdinfo").mkdir(parents=True)
    for fd in range(1024):
        (proc / f"self/fdinfo/{fd}").write_text("pos:\t0\nmnt_id:\t77\n")
    (proc / "self/mountinfo").write_text("36 35 0:22 / /proc rw - proc proc rw\n")
    (proc / "sys/kernel/random").mkdir(parents=True)
    (proc / "sys/kernel/random/boot_id").write_text("5f1c\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    name = disk_id(tmp_path / "a", proc)
    assert re.fullmatch("[0-9a-f]{16}", name)
    assert disk_id(tmp_path / "b", proc) == name
    (proc / "sys/kernel/random/boot_id").write_text("another\n")
    assert disk_id(tmp_path / "a", proc) != name
