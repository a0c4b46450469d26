"""Objects that tests are about, each with a change."""

from typing import Any

from tests.conformance.api import Tree, pod

FIRST = "spec.containers[0]"
LABEL = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end…"
SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must…"


def container(**change: Any) -> Tree:
    return pod(containers=[{"name": "c", "image": "nginx:1.27", **change}])


def service(**spec: Any) -> Tree:
    return {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], **spec}}


def claim(**spec: Any) -> Tree:
    size = {"requests": {"storage": "1Gi"}}
    return {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": size, **spec}}


def volume_of(**spec: Any) -> Tree:
    size = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    return {"metadata": {"name": "conformance"}, "spec": {**size, **spec}}
