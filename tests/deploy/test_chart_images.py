"""The pods start what the images have, as the user that these are made for."""

from __future__ import annotations

import re

import pytest

from tests.deploy import chart
from tools.images import IMAGES as IMAGES_BUILT
from tools.images import STORAGE
from webviewer import __version__

IMAGES = chart.ROOT / "helm/images"
DOCKERFILE = (IMAGES / "Dockerfile").read_text()
ROLES = ("functions", "gateway", "renderer", "controller", "nginx")


def stage(role: str) -> str:
    """Return what the Dockerfile says of the image of a role."""
    [found] = re.findall(rf"^FROM \S+ AS {role}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


def containers_of(role: str) -> list[dict[str, object]]:
    """Return the containers that are started from an image."""
    found = [
        container
        for _, pod in chart.pods(chart.objects(chart.ci("default")))
        for container in chart.containers(pod)
        if container["image"].startswith(f"web-viewer-{role}:")
    ]
    assert found, f"no pod has the image of {role}"
    return found


def test_the_chart_has_an_image_for_each_role() -> None:
    images = chart.default_values()["images"]
    named = {name: one["repository"] for name, one in images.items() if isinstance(one, dict)}
    assert named == {role: f"web-viewer-{role}" for role in ROLES}


@pytest.mark.parametrize("role", ROLES)
def test_user_and_ports_are_the_images_own(role: str) -> None:
    text = stage(role)
    security = chart.default_values()["security"]
    assert f"USER {security['userId']}:{security['groupId']}\n" in text
    exposed = {int(port) for line in re.findall(r"^EXPOSE (.*)$", text, re.MULTILINE) for port in line.split()}
    for container in containers_of(role):
        ports = container.get("ports", [])
        assert isinstance(ports, list)
        assert {port["containerPort"] for port in ports} <= exposed


@pytest.mark.parametrize("role", [role for role in ROLES if role != "nginx"])
def test_the_executable_is_in_the_image(role: str) -> None:
    [line] = re.findall(r"^# executables: (.*)$", (IMAGES / "roles" / f"{role}.txt").read_text(), re.MULTILINE)
    executables = set(line.split())
    for container in containers_of(role):
        command = container["command"]
        assert isinstance(command, list)
        if command[0] == "/bin/sh":
            arguments = container["args"]
            assert isinstance(arguments, list)
            command = arguments[2:]  # after the script and its name
        assert command[0] in executables
        for word in command:
            if str(word).startswith("/etc/web-viewer/"):
                file = IMAGES / "configuration" / str(word).rpartition("/")[2]
                assert file.read_text().strip() == "{}"


def test_nginx_is_started_by_its_image() -> None:
    for container in containers_of("nginx"):
        assert "command" not in container
        assert "args" not in container
    assert "ENTRYPOINT" in stage("nginx")


def test_what_the_notes_tell_to_run_is_in_the_image() -> None:
    notes = (chart.CHART / "templates/NOTES.txt").read_text()
    named = set(re.findall(r"^ +(\w+) -c /etc/web-viewer/", notes, re.MULTILINE))
    assert named == {"WebViewerAdmin"}
    [line] = re.findall(r"^# executables: (.*)$", (IMAGES / "roles/functions.txt").read_text(), re.MULTILINE)
    assert named <= set(line.split())


def test_the_readme_brings_every_image_to_a_registry_as_the_chart_asks_for_it() -> None:
    [block] = [one for one in (chart.CHART / "README.md").read_text().split("```") if " push localhost/" in one]
    [names] = re.findall(r"^for name in (.*); do$", block, re.MULTILINE)
    assert sorted(names.split()) == sorted(IMAGES_BUILT) == sorted(ROLES)
    assert f"--root {STORAGE.relative_to(chart.ROOT)}/storage --runroot {STORAGE.relative_to(chart.ROOT)}/run" in block
    [(built, pushed)] = re.findall(r"push localhost/(\S+) docker://(\S+)", block)
    assert built.replace("$name", "nginx") == f"web-viewer-nginx:{__version__}"
    values = chart.merged(chart.ci("default"), {"images": {"registry": "registry.example.org/radiology"}})
    wanted = {one["image"] for _, pod in chart.pods(chart.objects(values)) for one in chart.containers(pod)}
    assert {pushed.replace("$name", name) for name in names.split()} == wanted


def test_installing_works_on_a_role_as_well() -> None:
    """The path of a running image leaves out what only root has."""
    text = (IMAGES / "install.sh").read_text()
    assert re.search(r"^export .*PATH=/usr/local/sbin:", text, re.MULTILINE), "dpkg wants ldconfig on the path"
    for role in ROLES:
        if "ENV PATH" in stage("role") and f"FROM role AS {role}" in DOCKERFILE:
            assert "RUN install-packages" not in stage(role)
