"""A version of everything that makes a picture of stored bytes: part of each picture's ETag.

A picture that a browser kept before an upgrade is then asked for anew. It is a digest of the code itself, so nobody has
to think of raising a number.
"""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import renderpool
import webviewer.dicom
from webviewer import __version__

_FOLDERS: Final = (Path(renderpool.__file__).parent, Path(webviewer.dicom.__file__).parent)
_LIBRARIES: Final = ("imagecodecs", "numpy", "pydicom", "simplejpeg")


@functools.cache
def drawing_version() -> str:
    """Return the version of this process; the same on every node with the same code and libraries."""
    return digest_of(_FOLDERS, (__version__, *(_version_of(name) for name in _LIBRARIES)))


def digest_of(folders: tuple[Path, ...], versions: tuple[str, ...]) -> str:
    """Return 16 hexadecimal digits for code (Python and shaders) and versions of libraries."""
    digest = hashlib.sha256(repr(versions).encode())
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".glsl")):
            digest.update(f"{file.relative_to(folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
