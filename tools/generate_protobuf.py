"""Writes src/petset/api/protobuf_fields.json: the field numbers of the messages that clients send in protobuf.

The numbers are facts of Kubernetes' protobuf definitions, kept beside the project in ../shared/facts; that file lacks
autoscaling/v2, whose numbers are in protobuf_autoscaling_v2.json. Only what can be reached from a served kind is
carried over.

    python tools/generate_protobuf.py [--check]
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FACTS = ROOT.parent / "shared" / "facts" / "protobuf-fields.json"
AUTOSCALING = Path(__file__).with_name("protobuf_autoscaling_v2.json")
OUTPUT = ROOT / "src" / "petset" / "api" / "protobuf_fields.json"

META, API = "k8s.io.apimachinery.pkg.apis.meta.v1.", "k8s.io.api."
CORE_KINDS = (
    "Binding ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod "
    "ResourceQuota Secret Service ServiceAccount"
)
KINDS = {
    "core.v1": ("v1", CORE_KINDS),
    "apps.v1": ("apps/v1", "ControllerRevision StatefulSet"),
    "authentication.v1": ("authentication.k8s.io/v1", "SelfSubjectReview TokenRequest TokenReview"),
    "authorization.v1": (
        "authorization.k8s.io/v1",
        "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    ),
    "autoscaling.v1": ("autoscaling/v1", "HorizontalPodAutoscaler Scale"),
    "autoscaling.v2": ("autoscaling/v2", "HorizontalPodAutoscaler"),
    "coordination.v1": ("coordination.k8s.io/v1", "Lease"),
    "discovery.v1": ("discovery.k8s.io/v1", "EndpointSlice"),
    "events.v1": ("events.k8s.io/v1", "Event"),
    "networking.v1": ("networking.k8s.io/v1", "Ingress IngressClass NetworkPolicy"),
    "policy.v1": ("policy/v1", "Eviction PodDisruptionBudget"),
    "rbac.v1": ("rbac.authorization.k8s.io/v1", "ClusterRole ClusterRoleBinding Role RoleBinding"),
    "scheduling.v1": ("scheduling.k8s.io/v1", "PriorityClass"),
    "storage.v1": ("storage.k8s.io/v1", "StorageClass"),
}


JSON_NAMES = {"aPIGroup": "apiGroup", "uID": "uid"}
"""Where the definitions name a field otherwise than its JSON."""


def load_facts() -> dict[str, dict[str, list[str]]]:
    facts: dict[str, dict[str, list[str]]] = json.loads(FACTS.read_text()) | json.loads(AUTOSCALING.read_text())
    return {
        message: {number: [JSON_NAMES.get(name, name), *rest] for number, (name, *rest) in fields.items()}
        for message, fields in facts.items()
    }


def message_of(type_: str) -> str:
    """The message a field's type refers to, through maps."""
    return type_.split(",", 1)[1].rstrip(">") if type_.startswith("map<") else type_


def table(facts: dict[str, dict[str, list[str]]]) -> dict[str, object]:
    kinds = {f"{gv} {kind}": f"{API}{place}.{kind}" for place, (gv, names) in KINDS.items() for kind in names.split()}
    kinds["DeleteOptions"] = f"{META}DeleteOptions"
    waiting = list(kinds.values())
    messages: dict[str, dict[str, list[str]]] = {}
    while waiting:
        name = waiting.pop()
        if name in messages:
            continue
        messages[name] = facts[name]
        waiting += [m for _, type_, _ in facts[name].values() if (m := message_of(type_)).startswith("k8s.io.")]
    return {
        "generated": "by tools/generate_protobuf.py; do not edit",
        "kinds": dict(sorted(kinds.items())),
        "messages": dict(sorted(messages.items())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the file is out of date")
    check = parser.parse_args().check
    text = json.dumps(table(load_facts()), separators=(",", ":")) + "\n"
    if not check:
        OUTPUT.write_text(text)
    elif OUTPUT.read_text() != text:
        sys.exit(f"out of date: {OUTPUT.relative_to(ROOT)}; run tools/generate_protobuf.py")


if __name__ == "__main__":
    main()
