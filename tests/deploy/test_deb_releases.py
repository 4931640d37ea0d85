"""One package file for all supported releases: installed by each release's own apt, started, looked through, purged.

The tests of a release go on with one root, in the order of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.deploy.release_roots import RELEASES, Root, release_root
from tests.deploy.systemd_container import DOCTOR, ETC, HOME, LOGS, STATE, USER, packages
from tests.support.phantom_files import make_ct, to_bytes

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3000)]
PACKAGE = "inobitec-web-dicom-viewer-server-unified"
OTHER = "inobitec-web-dicom-viewer-server-distributed"
PYTHON = f"{HOME}/venv/bin/python3"
NOT_THE_PACKAGES_OWN = {
    *("/etc/passwd", "/etc/passwd-", "/etc/shadow", "/etc/shadow-", "/etc/group", "/etc/group-", "/etc/gshadow"),
    *("/etc/gshadow-", "/etc/subuid", "/etc/subuid-", "/etc/subgid", "/etc/subgid-"),
}

# A modality of the machine sends a CT image; pynetdicom is among the libraries that the package carries.
MODALITY = """
import sys
from pydicom import dcmread
from pynetdicom import AE
image = dcmread(sys.argv[1])
entity = AE(ae_title="CT")
entity.add_requested_context(image.SOPClassUID, image.file_meta.TransferSyntaxUID)
association = entity.associate("127.0.0.1", 3000, ae_title="DOCTOR-AE")
assert association.is_established
print(hex(association.send_c_store(image).Status))
association.release()
"""
# Starts the server as its unit does, and sends, draws and looks while it runs. All of it ends with the line.
JOURNEY = rf"""
cd /
as_service="setpriv --reuid={USER} --regid={USER} --init-groups"
$as_service {PYTHON} -I {HOME}/lib/first_start.py unified {ETC}/renderserverconfig.json >&2 || exit 11
printf 'a-password-of-hers\n' | $as_service {HOME}/bin/WebViewerAdmin -c {ETC}/renderserverconfig.json \
	users add doctor --ae-title DOCTOR-AE >&2 || exit 12
$as_service {HOME}/bin/RenderServer -c {ETC}/renderserverconfig.json --no-log-to-console >&2 &
server=$!
ready='import sys, time, urllib.request
for _ in range(600):
    try:
        urllib.request.urlopen("http://127.0.0.1:8090/v2/health/ready", timeout=5); sys.exit(0)
    except OSError:
        time.sleep(0.2)
sys.exit(1)'
{PYTHON} -I -c "$ready" || exit 13
{PYTHON} -I /root/modality.py /root/ct.dcm >&2 || exit 14
{PYTHON} -I /root/doctor.py http://127.0.0.1:8090 doctor a-password-of-hers look || exit 15
{PYTHON} -I -c 'import ssl, sqlite3, hashlib, lzma, bz2, uuid, ctypes; print(ssl.OPENSSL_VERSION)' >&2 || exit 16
kill -TERM $server
wait $server
"""


@pytest.fixture(scope="module", params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def root(release: str) -> Iterator[Root]:
    with release_root(release) as found:
        for file in packages().values():
            found.copy(file, "/root")
        yield found


def leftovers(root: Root) -> list[str]:
    """Return what is called like the product, or names it, under /usr, /etc, /opt and dpkg's and ucf's own folders."""
    named = root.run("find / -xdev -path /proc -prune -o -path /root -prune -o -name '*inobitec*' -print").splitlines()
    folders = "/usr /etc /opt /var/lib/dpkg/info /var/lib/dpkg/triggers /var/lib/ucf /var/lib/systemd"
    naming = root.ask(f"grep -rlsI inobitec {folders}").stdout.splitlines()
    # ucf keeps its last state, as dpkg does
    old = {path for path in naming if path.startswith("/var/lib/ucf/") and path.rpartition(".")[2].isdigit()}
    return sorted({*named, *naming} - NOT_THE_PACKAGES_OWN - old)


def test_apt_installs_it_with_what_the_release_offers(root: Root, release: str) -> None:
    facts = dict(line.split("=", 1) for line in root.inside("/etc/os-release").read_text().splitlines() if "=" in line)
    assert f"{facts['ID']}-{facts['VERSION_ID'].strip(chr(34))}" == release
    root.run("apt-get install -y --no-install-recommends /root/*-unified.deb", network="host")
    assert root.run(f"dpkg-query -W -f '${{db:Status-Status}}' {PACKAGE}") == "installed"


def test_its_programs_run_on_the_carried_interpreter(root: Root) -> None:
    assert root.run(f"{HOME}/bin/RenderServer --version") == "RenderServer 1.0.0\n"
    assert root.run(f"{HOME}/bin/WebViewerAdmin --version") == "WebViewerAdmin 1.0.0\n"
    assert root.run(f"readlink -f {PYTHON}") == f"{HOME}/python/bin/python3.11\n"
    paths = json.loads(root.run(f"cd / && {PYTHON} -I -c 'import json, sys; print(json.dumps(sys.path))'"))
    assert all(path.startswith(f"{HOME}/") for path in paths), paths


def test_every_library_that_a_program_loads_is_there(root: Root) -> None:
    files = f"find {HOME} -name '*.so*' -type f"
    missing = root.run(f"{files} -print0 | xargs -0 ldd 2>&1 | grep -E 'not found|version .* not' || true")
    # libraries of a wheel find one another by a path in the library that Python loads
    carried = {path.rpartition("/")[2] for path in root.run(files).splitlines()}
    assert [line for line in missing.splitlines() if line.split()[0] not in carried] == []


def test_modules_are_compiled_once_by_the_package(root: Root) -> None:
    sources = set(root.run(f"find {HOME} -name '*.py'").split()) - {f"{HOME}/lib/first_start.py"}
    compiled = root.run(f"find {HOME} -name '*.cpython-311.pyc'").split()
    of_sources = {path.replace("__pycache__/", "").replace(".cpython-311.pyc", ".py") for path in compiled}
    assert len(sources) > 2000
    assert of_sources == sources


def test_it_receives_and_draws(root: Root) -> None:
    root.inside("/root/ct.dcm").write_bytes(to_bytes(make_ct()))
    root.inside("/root/modality.py").write_text(MODALITY)
    root.inside("/root/doctor.py").write_text(DOCTOR)
    done = root.ask(JOURNEY)
    logs = root.ask(f"tail -n 30 {LOGS}/renderserver.log").stdout
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}{done.stderr}{logs}"
    seen = json.loads(done.stdout)
    assert (seen["user"], seen["studies"]) == ("doctor", 1)
    assert seen["octets"] > 500
    assert "0x0" in done.stderr


def test_the_other_build_takes_its_place(root: Root) -> None:
    root.run("apt-get install -y --no-install-recommends /root/*-distributed.deb", network="host")
    assert root.run(f"dpkg-query -W -f '${{db:Status-Status}}' {PACKAGE}") == "config-files"
    for program in ("ControlNode", "StorageNode", "RenderNode"):
        assert root.run(f"{HOME}/bin/{program} --version") == f"{program} 1.0.0\n"


def test_removal_leaves_configuration_and_nothing_compiled(root: Root) -> None:
    root.run(f"apt-get remove -y {OTHER}")
    left = root.run(f"find {HOME} -type f").split()
    assert left == [f"{HOME}/html/.config.json"]


def test_purge_leaves_the_patients_data_and_nothing_else(root: Root) -> None:
    said = root.ask(f"apt-get purge -y {OTHER} {PACKAGE}")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "images of patients" in said.stdout + said.stderr
    assert leftovers(root) == [STATE]
    assert root.run(f"find {STATE} -name '*.dcm' -o -name 'webviewer-database'").strip()
