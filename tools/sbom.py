"""Write a software bill of materials (CycloneDX 1.6, JSON) of a package or an image: what it carries of other makers.

``python -m tools.sbom --name NAME --version VERSION --output FILE``, then ``--site``, ``--page-lock``,
``--dpkg-status``: see ``--help``.
The image build runs this file alone, so it imports nothing of the project. The same contents give the same bytes: the
time is SOURCE_DATE_EPOCH, and the serial number is made of the components.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

OWN = "web-dicom-viewer"
_NAMESPACE = uuid.UUID("6b1f2a0e-5f0c-5b0f-9a54-0d6f6c5e7b11")


@cache
def parsed_licence(licence: str) -> License:
    """Return a licence as CycloneDX has it; many libraries share one, and parsing is the slow step of a bill."""
    return LicenseFactory().make_from_string(licence)


def component(kind: str, name: str, version: str, licence: str, **qualifiers: str) -> Component:
    """Return one component.

    Parameters
    ----------
    kind
        Type of its package URL: ``pypi``, ``npm`` or ``deb``.
    name, version
        As its registry writes them; a scope of npm stands before the name.
    licence
        An SPDX identifier, an SPDX expression, or words.
    **qualifiers
        Of the package URL.
    """
    namespace, _, short = name.rpartition("/")
    url = PackageURL(kind, "debian" if kind == "deb" else namespace or None, short, version, qualifiers or None)
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        licenses=[parsed_licence(licence)],
        purl=url,
        bom_ref=url.to_string(),
    )


def licence_of(library: Distribution) -> str:
    """Return the licence of a Python library: its expression, else the field or the classifiers that came before it."""
    facts = library.metadata
    for expression in facts.get_all("License-Expression") or []:
        return str(expression)
    classified = [
        value.rsplit(" :: ", 1)[-1] for value in facts.get_all("Classifier") or [] if value.startswith("License :: ")
    ]
    # some put the whole text into the field
    field = "".join(facts.get_all("License") or []).strip()
    found = field if field and "\n" not in field and len(field) <= 60 else ", ".join(classified)
    if not found:
        raise SystemExit(f"{library.name} {library.version} names no licence.")
    return found


def python_libraries(site: Path) -> list[Component]:
    """Return the Python libraries in a folder, our own packages left out."""
    return [
        component("pypi", re.sub(r"[-_.]+", "-", library.name).lower(), library.version, licence_of(library))
        for library in distributions(path=[str(site)])
        if library.name != OWN
    ]


def page_libraries(lock: Path) -> list[Component]:
    """Return the JavaScript libraries that the built pages may hold parts of, from npm's lock file."""
    found = {}
    for place, entry in json.loads(lock.read_text("utf-8"))["packages"].items():
        if not place or entry.get("dev") or entry.get("optional") or entry.get("devOptional") or entry.get("peer"):
            continue
        name = place.rpartition("node_modules/")[2]
        if "license" not in entry:
            raise SystemExit(f"{name} {entry['version']} names no licence.")
        found[name, entry["version"]] = component("npm", name, entry["version"], entry["license"])
    return list(found.values())


def debian_packages(status: str) -> list[Component]:
    """Return the packages that dpkg's status file lists as installed."""
    found = []
    for entry in status.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", entry, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            found.append(debian_package(fields["Package"], fields["Version"], fields["Architecture"]))
    return found


def debian_package(name: str, version: str, architecture: str) -> Component:
    """Return a package of Debian; its licences are in its copyright file, and Python's are known."""
    is_python = re.fullmatch(r"(lib)?python3\.\d+(-minimal|-stdlib)?", name) is not None
    licence = "Python-2.0" if is_python else f"see /usr/share/doc/{name}/copyright"
    return component("deb", name, version, licence, arch=architecture)


def bill(name: str, version: str, components: Iterable[Component], date_s: int) -> str:
    """Return the bill of a product as JSON.

    Parameters
    ----------
    name, version
        Of the product.
    components
        What it carries.
    date_s
        Seconds since 1970 that the bill is dated with.
    """
    chosen = sorted(components, key=lambda one: str(one.purl))
    own = Component(
        type=ComponentType.APPLICATION,
        name=name,
        version=version,
        licenses=[parsed_licence("Apache-2.0")],
        bom_ref=name,
    )
    contents = "\n".join([f"{name} {version}", *(str(one.purl) for one in chosen)])
    bom = Bom(
        components=chosen,
        metadata=BomMetaData(component=own, timestamp=datetime.fromtimestamp(date_s, UTC)),
        serial_number=uuid.uuid5(_NAMESPACE, contents),
    )
    bom.register_dependency(own, chosen)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.sbom", description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--site", type=Path, help="folder of Python libraries")
    parser.add_argument("--page-lock", type=Path, help="package-lock.json of the pages")
    parser.add_argument("--dpkg-status", type=Path, help="dpkg's list of installed packages")
    options = parser.parse_args(words)
    components: list[Component] = []
    if options.site:
        components += python_libraries(options.site)
    if options.page_lock:
        components += page_libraries(options.page_lock)
    if options.dpkg_status:
        components += debian_packages(options.dpkg_status.read_text("utf-8"))
    text = bill(options.name, options.version, components, int(os.environ.get("SOURCE_DATE_EPOCH", "0")))
    options.output.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
