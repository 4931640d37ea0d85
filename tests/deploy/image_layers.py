"""What an image consists of: its configuration, and every file of every layer, also those that a later layer hides."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.podman import Podman


@dataclass(frozen=True)
class Entry:
    """One file of a layer."""

    kind: str  # "file", "folder", "link", "other"
    mode: int
    owner: tuple[int, int]
    size: int
    sha256: str
    time: int
    target: str


Layer = dict[str, Entry]


@dataclass(frozen=True)
class Image:
    """An image that was written into a folder."""

    config: dict[str, Any]
    layers: list[Layer]
    packed: int  # octets in a registry, where layers are packed

    @property
    def digests(self) -> list[str]:
        """Return the digests of the layers' content."""
        return list(self.config["rootfs"]["diff_ids"])

    @property
    def unpacked(self) -> int:
        """Return the octets of all layers' files."""
        return sum(entry.size for layer in self.layers for entry in layer.values())

    def files(self) -> dict[str, Entry]:
        """Return what a container sees."""
        seen: dict[str, Entry] = {}
        for layer in self.layers:
            for path, entry in layer.items():
                folder, _, name = path.rpartition("/")
                if name == ".wh..wh..opq":
                    _forget(seen, f"{folder}/")
                elif name.startswith(".wh."):
                    hidden = f"{folder}/{name.removeprefix('.wh.')}"
                    seen.pop(hidden, None)
                    _forget(seen, f"{hidden}/")
                else:
                    seen[path] = entry
        return seen


def _forget(seen: Layer, start: str) -> None:
    for path in [path for path in seen if path.startswith(start)]:
        del seen[path]


def read(podman: Podman, image: str, folder: Path, forbidden: frozenset[bytes] = frozenset()) -> Image:
    """Write an image out and read it; fails where a file has one of the forbidden words in it."""
    podman.call("save", "--quiet", "--format", "oci-dir", "--output", str(folder), image, timeout_s=600)

    def blob(digest: str) -> Path:
        return folder / digest.replace("sha256:", "") if _is_flat else folder / "blobs" / digest.replace(":", "/")

    _is_flat = not (folder / "blobs").exists()
    index = json.loads((folder / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    config = json.loads(blob(manifest["config"]["digest"]).read_text())
    layers = [_layer(blob(one["digest"]), forbidden) for one in manifest["layers"]]
    return Image(config, layers, sum(one["size"] for one in manifest["layers"]))


def _layer(file: Path, forbidden: frozenset[bytes]) -> Layer:
    kinds = {tarfile.REGTYPE: "file", tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "link"}
    layer: Layer = {}
    with tarfile.open(file, "r:*") as archive:
        for member in archive:
            digest = ""
            if member.isfile():
                opened = archive.extractfile(member)
                assert opened is not None
                content = opened.read()
                digest = hashlib.sha256(content).hexdigest()
                for word in forbidden:
                    assert word not in content, f"{member.name} has a word of this machine's own settings in it"
            path = "/" + member.name.removeprefix("./").strip("/")
            layer[path] = Entry(
                kinds.get(member.type, "other"),
                member.mode,
                (member.uid, member.gid),
                member.size,
                digest,
                int(member.mtime),
                member.linkname,
            )
    return layer
