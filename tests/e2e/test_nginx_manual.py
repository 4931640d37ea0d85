"""The three configurations of ``nginx/`` are the manual's, directive by directive, but for the server's address."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.support import shared_data
from tests.support.unified_server import ROOT

# file, its section, and the digest of the section's directives: a bare clone has no manual
FILES = [
    ("http-static.conf", "4.1.1", "daa3d27fcb8032b9"),
    ("http-https-static.conf", "4.1.2", "e63e537a60536722"),
    ("http-https-proxy.conf", "4.1.3", "459c64963b35d1fb"),
]
MANUAL_ADDRESS, OUR_ADDRESS = "http://192.168.0.44:8090", "http://127.0.0.1:8090"


def directives_of(text: str) -> list[str]:
    """Return directives and heads of blocks in their order, without comments, spacing and closing braces.

    Braces say nothing in the manual: a page break there closes and opens blocks at random. That ours are right, Nginx
    itself says in the tests that run it.
    """
    # The manual breaks this one comment in two lines, so that its last word stands as a directive.
    text = text.replace("location of the private key\nfile", "").replace("location of the private key\n    file", "")
    code = re.sub(r"#.*", "", text)
    found = re.findall(r"[^;{}]+[;{]", code)
    return [" ".join(one.split()) for one in found]


def digest(directives: list[str]) -> str:
    return hashlib.sha256("\n".join(directives).encode()).hexdigest()[:16]


def section_of_manual(number: str) -> list[str]:
    text = shared_data.manual().read_text("utf-8")
    chapter = text[text.index("Below you will find are examples of the **Nginx** configuration files.") :]
    last = int(number.rpartition(".")[2])
    begin = re.search(rf"^#+ {re.escape(number)} ", chapter, re.MULTILINE)
    end = re.search(rf"^#+ 4\.1\.{last + 1} ", chapter, re.MULTILINE)
    assert begin is not None
    assert end is not None
    blocks = re.findall(r"^```\n(.*?)^```", chapter[begin.end() : end.start()], re.MULTILINE | re.DOTALL)
    return directives_of("\n".join(blocks))


def as_printed(file: str) -> list[str]:
    """Return the directives of a file of ours with the manual's address in the place of ours."""
    ours = directives_of((ROOT / "nginx" / file).read_text("utf-8"))
    assert len([one for one in ours if OUR_ADDRESS in one]) == 2, "the only directives that differ"
    return [one.replace(OUR_ADDRESS, MANUAL_ADDRESS) for one in ours]


@pytest.mark.parametrize(("file", "section", "expected"), FILES)
def test_a_file_has_the_directives_of_its_section(file: str, section: str, expected: str) -> None:
    assert digest(as_printed(file)) == expected


@shared_data.required
@pytest.mark.parametrize(("file", "section", "expected"), FILES)
def test_the_digest_of_a_section_is_the_manual_s(file: str, section: str, expected: str) -> None:
    found = section_of_manual(section)
    assert digest(found) == expected
    assert as_printed(file) == found


def test_a_difference_is_seen(tmp_path: Path) -> None:
    text = (ROOT / "nginx/http-static.conf").read_text("utf-8")
    for old, new in (("100m", "99m"), ("proxy_buffering off;", ""), ("/web-viewer/v2 {", "/web-viewer/v2/ {")):
        assert old in text
        assert digest(directives_of(text.replace(old, new))) != digest(directives_of(text))
    assert directives_of(text.replace("    ", "\t").replace("# http port", "")) == directives_of(text)
