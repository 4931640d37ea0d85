"""Write what the package carries of others into ``debian/copyright``: each library, its version and its licence.

``third_party.py COPYRIGHT SITE_PACKAGES PACKAGE_LOCK``. Licence texts of the Python libraries lie beside them in their
.dist-info folders; of the pages' libraries the lock file of npm tells the licences.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

OWN = "web-dicom-viewer"


def licence_of(library: Distribution) -> str:
    """Return the licence in few words: the expression, else the field or the classifiers that came before it."""
    said = library.metadata
    expression = said.get("License-Expression")
    if expression:
        return str(expression)
    classified = [
        value.rsplit(" :: ", 1)[-1] for value in said.get_all("Classifier") or [] if value.startswith("License :: ")
    ]
    # some put the whole text into the field
    field = (said.get("License") or "").strip()
    found = field if field and "\n" not in field and len(field) <= 60 else ", ".join(classified)
    if not found:
        raise SystemExit(f"{library.name} {library.version} names no licence.")
    return found


def python_libraries(folder: Path) -> list[str]:
    """Return a line for each Python library."""
    found = sorted(distributions(path=[str(folder)]), key=lambda library: library.name.lower())
    return [f"{library.name} {library.version}: {licence_of(library)}" for library in found if library.name != OWN]


def page_libraries(lock: Path) -> list[str]:
    """Return a line for each library that the built pages may hold parts of."""
    lines = set()
    for place, entry in json.loads(lock.read_text("utf-8"))["packages"].items():
        if not place or entry.get("dev") or entry.get("optional") or entry.get("devOptional") or entry.get("peer"):
            continue
        name = place.rpartition("node_modules/")[2]
        if "license" not in entry:
            raise SystemExit(f"{name} {entry['version']} names no licence.")
        lines.add(f"{name} {entry['version']}: {entry['license']}")
    return sorted(lines)


def main() -> None:
    """Run the command line."""
    copyright_file, site, lock = map(Path, sys.argv[1:])
    parts = [
        copyright_file.read_text("utf-8").rstrip("\n"),
        " .\n Python libraries:",
        *(f"  {line}" for line in python_libraries(site)),
        " .\n JavaScript libraries of the pages:",
        *(f"  {line}" for line in page_libraries(lock)),
    ]
    copyright_file.write_text("\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    main()
