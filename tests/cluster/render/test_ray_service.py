"""The files for Kubernetes, checked by the schema of KubeRay's CRD."""

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.cluster.render import shipped

_CRD = yaml.safe_load(Path(__file__).with_name("rayservice-crd.yaml").read_text("utf-8"))


def _closed(schema: Any) -> Any:
    """Make unknown fields errors in the schema; the API server would drop them."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed["additionalProperties"] = False
    return closed


def _check(value: Any, definition: str) -> None:
    schema = _closed(_CRD) | {"$ref": f"#/definitions/{definition}"}
    jsonschema.Draft7Validator(schema).validate(value)


def _service() -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load(shipped.files("kuberay")["ray-service.yaml"])
    return service


def test_the_crd_takes_it() -> None:
    service = _service()
    assert (service["apiVersion"], service["kind"]) == ("ray.io/v1", "RayService")
    _check(service["spec"], "spec")


@pytest.mark.parametrize(
    "mistake",
    [
        lambda spec: spec["rayClusterConfig"]["authOptions"].update(mode="tokens"),
        lambda spec: spec["rayClusterConfig"]["workerGroupSpecs"][0].update(maxReplica=2),
        lambda spec: spec["rayClusterConfig"]["workerGroupSpecs"][0].pop("groupName"),
        lambda spec: _container(spec)["env"].append({"name": "A", "value": 1}),
        lambda spec: _container(spec)["readinessProbe"]["httpGet"].pop("port"),
    ],
)
def test_the_crd_refuses_mistakes(mistake: Any) -> None:
    spec = copy.deepcopy(_service()["spec"])
    mistake(spec)
    with pytest.raises(jsonschema.ValidationError):
        _check(spec, "spec")


def _container(spec: dict[str, Any]) -> dict[str, Any]:
    template = spec["rayClusterConfig"]["workerGroupSpecs"][0]["template"]
    container: dict[str, Any] = template["spec"]["containers"][0]
    return container


def test_nobody_reaches_the_pods_but_for_what_is_named() -> None:
    policy = yaml.safe_load(shipped.files("kuberay")["network-policy.yaml"])["spec"]
    _check(policy["ingress"], "ingress")
    spec = _service()["spec"]["rayClusterConfig"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert group["template"]["metadata"]["labels"] == policy["podSelector"]["matchLabels"]
    anybody = [rule["ports"] for rule in policy["ingress"] if "from" not in rule]
    assert anybody == [[{"port": 8000, "protocol": "TCP"}]]


def test_mounts_are_of_volumes_that_are_there() -> None:
    spec = _service()["spec"]["rayClusterConfig"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == volumes
