"""The manifests for KubeRay, held against the facts of its published schema: names, types, what is required.

Facts: ``RayCluster`` v1 of KubeRay 1.6 (``helm-chart/kuberay-operator/crds/ray.io_rayclusters.yaml``), and
Kubernetes' own ``PodSpec``, ``Container`` and ``batch/v1`` ``Job``, as far as the manifests use them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "how-to" / "kuberay"

POD = {"metadata": dict, "spec": {"containers": list, "volumes": list, "restartPolicy": str,
                                  "terminationGracePeriodSeconds": int}}  # fmt: skip
CONTAINER = {"name": str, "image": str, "command": list, "args": list, "env": list, "volumeMounts": list,
             "resources": {"requests": dict, "limits": dict}}  # fmt: skip
GROUP = {"rayStartParams": dict, "template": POD}
CLUSTER = {
    "headGroupSpec": GROUP | {"serviceType": str, "enableIngress": bool},
    "workerGroupSpecs": list,
    "rayVersion": str,
    "enableInTreeAutoscaling": bool,
    "autoscalerOptions": dict,
    "authOptions": {"mode": str, "secretName": str, "enableK8sTokenAuth": bool},
    "suspend": bool,
}
WORKERS = GROUP | {"groupName": str, "replicas": int, "minReplicas": int, "maxReplicas": int, "numOfHosts": int}
JOB = {"backoffLimit": int, "template": POD}


def manifest(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")))


def check(tree: Any, known: Any, where: str) -> None:
    if isinstance(known, dict):
        assert isinstance(tree, dict), where
        for key, value in tree.items():
            assert key in known, f"{where}.{key} is not in the schema"
            check(value, known[key], f"{where}.{key}")
    else:
        assert isinstance(tree, known), f"{where} must be {known.__name__}; got {tree!r}"


def containers(template: dict[str, Any]) -> list[dict[str, Any]]:
    for container in template["spec"]["containers"]:
        check(container, CONTAINER, container["name"])
        assert {"name", "image"} <= set(container)
        for entry in container["env"]:
            assert isinstance(entry["name"], str)
            assert ("value" in entry) != ("valueFrom" in entry)
            assert isinstance(entry.get("value", ""), str), f"{entry['name']}: Kubernetes takes text only; quote it"
    return list(template["spec"]["containers"])


def test_the_cluster_has_the_fields_that_kuberay_knows_and_requires() -> None:
    tree = manifest("cluster.yaml")
    assert (tree["apiVersion"], tree["kind"]) == ("ray.io/v1", "RayCluster")
    spec = tree["spec"]
    check(spec, CLUSTER, "spec")
    assert spec["authOptions"]["mode"] in ("disabled", "token")
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for group in spec["workerGroupSpecs"]:
        check(group, WORKERS, "workerGroupSpecs")
        assert {"groupName", "minReplicas", "maxReplicas"} <= set(group)
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for group in groups:
        assert {"rayStartParams", "template"} <= set(group)
        assert all(isinstance(v, str) for v in group["rayStartParams"].values()), "rayStartParams is a map of text"
        containers(group["template"])


def test_ray_is_the_version_that_the_project_pins() -> None:
    pinned = [x for x in (ROOT / "requirements.lock").read_text().splitlines() if x.startswith("ray==")]
    assert [f"ray=={manifest('cluster.yaml')['spec']['rayVersion']}"] == [x.split(" ")[0] for x in pinned]


def test_the_driver_names_the_service_and_the_secret_of_that_cluster() -> None:
    name = manifest("cluster.yaml")["metadata"]["name"]
    tree = manifest("driver.yaml")
    assert (tree["apiVersion"], tree["kind"]) == ("batch/v1", "Job")
    check(tree["spec"], JOB, "spec")
    assert tree["spec"]["template"]["spec"]["restartPolicy"] in ("OnFailure", "Never")  # a Job takes no other
    (driver,) = containers(tree["spec"]["template"])
    assert f"--address={name}-head-svc:6379" in driver["args"][0]
    (token,) = [e["valueFrom"]["secretKeyRef"] for e in driver["env"] if e["name"] == "RAY_AUTH_TOKEN"]
    assert token == {"name": name, "key": "auth_token"}
    assert {m["name"] for m in driver["volumeMounts"]} == {
        v["name"] for v in tree["spec"]["template"]["spec"]["volumes"]
    }


def against_api(tree: dict[str, Any], kind: str) -> list[str]:
    """Return where a tree is not as Kubernetes' published API says, by the classes of its Python client."""
    from kubernetes.client import models
    from pydantic import ValidationError

    try:
        getattr(models, kind).model_validate(tree)
    except ValidationError as error:
        return [".".join(str(part) for part in problem["loc"]) for problem in error.errors()]
    return []


def test_the_manifests_are_as_kubernetes_api_says() -> None:
    pytest.importorskip("kubernetes", "37", reason="needs Kubernetes' API: pip install 'kubernetes>=37'")
    assert against_api(manifest("driver.yaml"), "V1Job") == []
    spec = manifest("cluster.yaml")["spec"]
    for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]:
        assert against_api(group["template"], "V1PodTemplateSpec") == []
    wrong = manifest("driver.yaml")
    wrong["spec"]["backoffLimits"] = 1
    pod = wrong["spec"]["template"]["spec"]
    pod["containers"][0]["env"][0]["value"] = 1
    del pod["volumes"][0]["name"]
    assert against_api(wrong, "V1Job") == [
        "spec.template.spec.containers.0.env.0.value",
        "spec.template.spec.volumes.0.name",
        "spec.backoffLimits",
    ]
