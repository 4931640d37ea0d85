"""What a bare root gets of the machine that makes it: package sources, certificates, proxies, and nothing else.

`tools/bare_machine.py` uses it. All of it is read from where the machine keeps it; no name of a server stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

SUITE = "bookworm"
DEBIAN_SUITES = frozenset(
    {SUITE, f"{SUITE}-updates", f"{SUITE}-security", f"{SUITE}/updates", f"{SUITE}-backports"}
)  # other suites are of other houses

# Variables that name a file of certificates, or a file in which package tools are set up.
FILE_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "PIP_CONFIG_FILE", "NPM_CONFIG_USERCONFIG")
# Variables that say where packages come from.
OTHER_VARIABLES = (
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("PIP_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "NPM_CONFIG_REGISTRY", "npm_config_registry"),
)
# Files of every machine; those under the home folder go under that of root.
FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
HOME_FILES = (".npmrc", ".config/pip/pip.conf", ".pip/pip.conf")
# Authorities that were added to the machine's: kept when Debian makes its bundle anew.
AUTHORITIES = Path("/usr/local/share/ca-certificates")

# How packages are fetched. Hooks of apt are left out: they call programs of the machine.
_APT_SETTINGS = re.compile(r"Acquire::(https?(::.*)?|Retries|Check-Valid-Until|Check-Date|ForceIPv[46]) ")
_NAMED_FILE = re.compile(r"^\s*(?:cert|cafile)\s*=\s*(/\S+)", re.MULTILINE)


def debian_sources(texts: Iterable[str]) -> list[str]:
    """Return Debian 12's own package sources among those of a machine.

    Parameters
    ----------
    texts
        Contents of ``sources.list`` and of the files of ``sources.list.d``, in one-line form or as deb822 stanzas.

    Returns
    -------
    list of str
        One-line entries and stanzas as they stand, the suites of others left out. Empty where there are none.
    """
    found = []
    for text in texts:
        if re.search(r"^Types:", text, re.MULTILINE):
            found += [stanza for one in re.split(r"\n\s*\n", text) if (stanza := _debian_stanza(one))]
        else:
            found += [line.strip() for line in text.splitlines() if _is_debian_line(line)]
    return found


def _debian_stanza(text: str) -> str:
    fields = {
        name.strip().lower(): value.split()
        for line in text.splitlines()
        if not line.startswith(("#", " ", "\t"))
        for name, separator, value in [line.partition(":")]
        if separator
    }
    is_on = fields.get("enabled", ["yes"]) != ["no"]
    suites = set(fields.get("suites", []))
    wanted = is_on and "deb" in fields.get("types", []) and suites and suites <= DEBIAN_SUITES
    return text.strip() if wanted else ""


def _is_debian_line(line: str) -> bool:
    words = re.sub(r"\[.*?\]", "", line.partition("#")[0]).split()
    return len(words) >= 4 and words[0] == "deb" and words[2] in DEBIAN_SUITES


def apt_settings(dump: str) -> str:
    """Return those lines of ``apt-config dump`` that say how packages are fetched: proxies, certificates, retries."""
    return "".join(f"{line}\n" for line in dump.splitlines() if _APT_SETTINGS.match(line))


def passed_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the machine that a bare root is given: those of certificates and package sources."""
    return {name: environ[name] for name in (*FILE_VARIABLES, *OTHER_VARIABLES) if environ.get(name)}


def files_to_copy(environ: Mapping[str, str], home: Path) -> dict[Path, Path]:
    """Return the files that a bare root is given, by their place in it.

    Parameters
    ----------
    environ
        Of the machine: some variables name files.
    home
        Of the user who makes the root.

    Returns
    -------
    dict
        Place in the root to the file of the machine; files that the machine lacks are left out.
    """
    wanted = {Path(name): Path(name) for name in FILES}
    wanted |= {Path("/root") / name: home / name for name in HOME_FILES}
    wanted |= {Path(environ[name]): Path(environ[name]) for name in FILE_VARIABLES if environ.get(name)}
    for settings in [one for one in wanted.values() if one.name in {"pip.conf", ".npmrc"} and one.is_file()]:
        named = _NAMED_FILE.findall(settings.read_text("utf-8", errors="replace"))
        wanted |= {Path(name): Path(name) for name in named}
    if AUTHORITIES.is_dir():
        wanted |= {path: path for path in sorted(AUTHORITIES.rglob("*.crt"))}
    return {place: source for place, source in wanted.items() if place.is_absolute() and source.is_file()}
