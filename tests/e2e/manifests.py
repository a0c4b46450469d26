"""Objects that tests apply."""

from typing import Any

from tests.e2e.server import BUSYBOX, ROOT

Tree = dict[str, Any]

PAGE = (ROOT / "examples" / "web.yaml").read_text()
"""The manifest of the source page: Service nginx, StatefulSet web of 3, and its StorageClass."""

PATIENT = "trap 'exit 0' TERM; while true; do sleep 0.1; done"
"""A main process that waits until it is told to end."""


def container(script: str = PATIENT, **fields: Any) -> Tree:
    """A container that runs a shell script."""
    return {"name": "main", "image": BUSYBOX, "command": ["sh", "-c", script], **fields}


def pod(name: str, *containers: Tree, **spec: Any) -> Tree:
    """A pod that is killed without much ado."""
    spec = {"terminationGracePeriodSeconds": 1, "containers": list(containers) or [container()], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def stateful_set(replicas: int, template: Tree, **spec: Any) -> Tree:
    """A set called web of pods with the spec of a pod made by `pod`."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "serviceName": "nginx",
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": template["spec"]},
            **spec,
        },
    }


def claim_template(storage_class: str = "standard") -> Tree:
    """A volumeClaimTemplate called www."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return {"metadata": {"name": "www"}, "spec": {**spec, "storageClassName": storage_class}}


def service(name: str, **spec: Any) -> Tree:
    """A Service for the set called web."""
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def config_map(name: str, **data: str) -> Tree:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> Tree:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
