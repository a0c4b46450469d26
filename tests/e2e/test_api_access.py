"""The API as programs in pods reach it: by their ServiceAccount, under the Service's address and name."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from petset.api.types import Endpoints, Lease, Pod
from tests.e2e.kubectl import Kubectl
from tests.e2e.manifests import container, pod
from tests.e2e.namespace import Namespace, ready
from tests.e2e.server import ROOT, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

Tree = dict[str, Any]
FILES = "/var/run/secrets/kubernetes.io/serviceaccount"
ACCESS = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}
CREATE = ("create", "-o", "json", "--validate=false", "-f", "-")
"""What no PATCH is for, kubectl would validate by the older OpenAPI in protobuf."""
ENDPOINTS = {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["get", "create", "patch"]}

ASK = f"""
import json, os, ssl, sys, urllib.error, urllib.request
context = ssl.create_default_context(cafile="{FILES}/ca.crt")
request = urllib.request.Request(sys.argv[1], headers={{"Authorization": "Bearer " + open("{FILES}/token").read()}})
try:
    answer = urllib.request.urlopen(request, context=context, timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, json.loads(answer.read())]))
"""


def python_pod(name: str, script: str = "", **spec: Any) -> Tree:
    """A pod with this machine's Python and the tests' packages in it; without a script it waits."""
    prefix, environment = Path(sys.base_prefix), Path(sys.prefix)
    places = {"/usr": "/usr", "/usr/lib": "/lib", "/usr/lib64": "/lib64", str(ROOT / "tests/e2e/programs"): "/programs"}
    places |= {str(path): str(path) for path in {prefix, environment} if not path.is_relative_to("/usr")}
    present = [source for source in places if Path(source).exists()]
    volumes = [{"name": f"host-{index}", "hostPath": {"path": source}} for index, source in enumerate(present)]
    mounts = [
        {"name": f"host-{index}", "mountPath": places[source], "readOnly": True} for index, source in enumerate(present)
    ]
    command = [sys.executable, script] if script else ["sh", "-c", "while true; do sleep 0.1; done"]
    return pod(name, container(command=command, volumeMounts=mounts), volumes=volumes, **spec)


def role(name: str, *rules: Tree) -> list[Tree]:
    """A ServiceAccount that may do this in its namespace."""
    group = "rbac.authorization.k8s.io"
    meta = {"metadata": {"name": name}}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", **meta},
        {"apiVersion": f"{group}/v1", "kind": "Role", **meta, "rules": list(rules)},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            **meta,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name}],
        },
    ]


async def ask(namespace: Namespace, pod_name: str, url: str) -> tuple[int, Tree]:
    outcome = await namespace.exec(pod_name, sys.executable, "-c", ASK, url)
    assert outcome.code == 0, outcome
    status, body = json.loads(outcome.stdout)
    return status, body


async def test_every_pod_finds_the_api(namespace: Namespace, server: Server) -> None:
    await namespace.apply(python_pod("web-0"))
    await namespace.until(Pod, "web-0", ready)
    host = str(server.network.service_cidr.network_address + 1)
    assert await namespace.sh("web-0", "echo $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT") == f"{host}:443\n"
    assert await namespace.sh("web-0", f"cat {FILES}/namespace") == namespace.name
    endpoint = f"{server.network.gateway}:{server.address.rpartition(':')[2]}"
    for place in (f"{host}:443", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", endpoint):
        status, version = await ask(namespace, "web-0", f"https://{place}/version")
        assert (status, version["major"]) == (200, "1"), place


async def test_by_itself_a_pod_may_do_nothing(namespace: Namespace, server: Server) -> None:
    await namespace.apply(python_pod("web-0"))
    await namespace.until(Pod, "web-0", ready)
    api = f"https://kubernetes.default.svc/api/v1/namespaces/{namespace.name}"
    refusal = (
        f'pods is forbidden: User "system:serviceaccount:{namespace.name}:default" cannot list resource "pods" '
        f'in API group "" in the namespace "{namespace.name}"'
    )
    status, body = await ask(namespace, "web-0", f"{api}/pods")
    assert (status, body["message"]) == (403, refusal)
    assert (await ask(namespace, "web-0", f"{api}/secrets"))[0] == 403
    token = await namespace.sh("web-0", f"cat {FILES}/token")
    assert token not in server.log.read_text()


def test_kubectl_creates_tokens(kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "robot")
    token = kubectl("create", "token", "robot", "--duration=10m").strip()
    name = f"system:serviceaccount:{kubectl.namespace}:robot"
    assert kubectl.json("create", "token", "robot")["status"]["token"].count(".") == 2
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = json.loads(kubectl(*CREATE, stdin=json.dumps(review)))
    assert (answer["status"]["authenticated"], answer["status"]["user"]["username"]) == (True, name)
    why = kubectl.fails("create", "token", "robot", "--duration=1s")
    assert "spec.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes" in why
    assert 'serviceaccounts "nobody" not found' in kubectl.fails("create", "token", "nobody")
    kubectl("delete", "serviceaccount", "robot")
    answer = json.loads(kubectl(*CREATE, stdin=json.dumps(review)))
    assert answer["status"] == {"error": '[invalid bearer token, serviceaccounts "robot" not found]', "user": {}}


async def test_the_token_is_the_pods_users_alone(namespace: Namespace) -> None:
    await namespace.apply(pod("root"))
    await namespace.apply(pod("user", securityContext={"runAsUser": 1000}))
    await namespace.apply(pod("group", securityContext={"runAsUser": 1000, "fsGroup": 2000}))
    script = f"stat -Lc '%a %u %g' {FILES}/token {FILES}/ca.crt; cat {FILES}/token >/dev/null"
    for name, wanted in (
        ("root", "644 0 0\n644 0 0\n"),
        ("user", "600 1000 0\n644 0 0\n"),
        ("group", "640 1000 2000\n644 0 2000\n"),
    ):
        await namespace.until(Pod, name, ready)
        assert await namespace.sh(name, script) == wanted, name


async def test_who_wants_no_token_gets_none(namespace: Namespace) -> None:
    await namespace.apply(pod("web-0", automountServiceAccountToken=False))
    await namespace.until(Pod, "web-0", ready)
    assert await namespace.sh("web-0", f"ls {FILES} 2>/dev/null || echo none") == "none\n"


async def test_a_leader_is_followed_by_another(namespace: Namespace) -> None:
    """As Patroni elects: a lease that only its holder renews, and the name where clients look."""
    for tree in role("voter", ACCESS, ENDPOINTS):
        await namespace.apply(tree)

    async def join(name: str) -> None:
        await namespace.apply(python_pod(name, "/programs/leader.py", serviceAccountName="voter"))

    def led_by(name: str) -> Any:
        return lambda endpoints: endpoints.metadata.annotations.get("leader") == name

    await join("web-0")
    await namespace.until(Endpoints, "leader", led_by("web-0"))
    await join("web-1")
    await namespace.until(Pod, "web-1", ready)
    lease = await namespace.get(Lease, "leader")
    assert (lease.spec.holder_identity, lease.spec.lease_duration_seconds) == ("web-0", 2)
    await namespace.delete(Pod, "web-0")
    await namespace.until(Endpoints, "leader", led_by("web-1"))
    assert (await namespace.get(Lease, "leader")).spec.holder_identity == "web-1"
    assert await namespace.logs("web-1") == "web-1 leads\n"


KNOCK = """
import socket, ssl, sys
context = ssl._create_unverified_context()
try:
    with context.wrap_socket(socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)) as door:
        door.sendall(b"GET /version HTTP/1.0\\r\\n\\r\\n")
        print(door.recv(12).decode() or "closed")
except (ConnectionError, ssl.SSLError):
    print("closed")
"""


@contextmanager
def another_machine() -> Iterator[list[str]]:
    """A network of its own that reaches every address of this machine; what runs a command there."""
    process = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    here, inside = f"ext{process.pid}", ["nsenter", f"--net=/proc/{process.pid}/ns/net"]
    try:
        run("ip", "link", "add", here, "type", "veth", "peer", "name", "ext", "netns", str(process.pid))
        run("ip", "addr", "add", "198.18.243.1/30", "dev", here)
        run("ip", "link", "set", here, "up")
        run(*inside, "ip", "addr", "add", "198.18.243.2/30", "dev", "ext")
        run(*inside, "ip", "link", "set", "ext", "up")
        run(*inside, "ip", "route", "add", "default", "via", "198.18.243.1")
        yield inside
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def test_another_machine_does_not_reach_the_api_by_the_pods_network(server: Server) -> None:
    host, port = str(server.network.service_cidr.network_address + 1), server.address.rpartition(":")[2]
    doors = [(str(server.network.gateway), port), (host, "443")]
    for door in doors:  # the machine itself does
        assert run(sys.executable, "-c", KNOCK, *door) == "HTTP/1.0 200\n"
    with another_machine() as inside:
        for door in doors:
            assert run(*inside, sys.executable, "-c", KNOCK, *door) == "closed\n"
