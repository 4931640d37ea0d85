"""A real API server takes all that the chart renders, to the letter and without a warning: `make prove-k8s`.

Kinds of other projects are left out, since their definitions are not there: `tests.deploy.chart_crds` checks them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.deploy import chart
from tests.deploy.chart_crds import SCHEMAS
from tests.deploy.control_plane import ControlPlane, running_control_plane

pytestmark = [pytest.mark.prove, pytest.mark.kubernetes, pytest.mark.timeout(5400)]

STRICT = ("--server-side", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane")) as found:
        found.kubectl("create", "namespace", chart.NAMESPACE)
        found.kubectl("label", "namespace", chart.NAMESPACE, "pod-security.kubernetes.io/warn=restricted")
        yield found


def listed(documents: list[chart.Manifest]) -> str:
    own = [one for one in documents if (one["apiVersion"], one["kind"]) not in SCHEMAS]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": own})


@pytest.mark.parametrize("case", chart.ci_names())
def test_it_takes_every_object_by_the_restricted_standard(case: str, plane: ControlPlane) -> None:
    said = plane.kubectl("apply", *STRICT, stdin=listed(chart.objects(chart.ci(case))))
    assert len(said.splitlines()) > 20


def test_it_would_not_take_what_is_misspelt_or_may_too_much(plane: ControlPlane) -> None:
    for path, said in (("imagePullPolicie", "unknown field"), ("securityContext", "would violate PodSecurity")):
        documents = chart.objects(chart.ci("default"))
        container = chart.find(documents, "Deployment", "auth")["spec"]["template"]["spec"]["containers"][0]
        container[path] = {} if path == "securityContext" else "Always"
        with pytest.raises(AssertionError, match=said):
            plane.kubectl("apply", *STRICT, stdin=listed(documents))
