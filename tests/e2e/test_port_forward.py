"""Ports of pods on this machine: by kubectl's tunnel and by the official Python client's channels."""

import gc
import hashlib
import http.client
import re
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

from tests.e2e.conftest import kubectl_namespace
from tests.e2e.kubectl import CLOCK, TIMEOUT, Kubectl, Output
from tests.e2e.manifests import PATIENT, container, pod, service, stateful_set
from tests.e2e.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

BIG = 20 * 1024 * 1024
SERVE = f"""
mkdir -p /www; cd /www; echo hello > hello; dd if=/dev/urandom of=big bs=1M count={BIG >> 20} 2>/dev/null
busybox httpd -h /www -p 8080; busybox httpd -h /www -p 127.0.0.1:9090; touch /tmp/serves; {PATIENT}
"""


@pytest.fixture(scope="module")
def serving(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl in a namespace with a set of one pod, which serves two ports, one of them to itself only."""
    with kubectl_namespace(server, tmp_path_factory) as kubectl:
        probe = {"exec": {"command": ["test", "-e", "/tmp/serves"]}, "periodSeconds": 1}
        kubectl.apply(stateful_set(1, pod("", container(SERVE, readinessProbe=probe))))
        kubectl.apply(service("nginx", ports=[{"port": 80, "targetPort": 8080}]))
        kubectl("rollout", "status", "sts/web", "--timeout=60s")
        yield kubectl


def local_ports(output: Output, count: int) -> list[int]:
    """The ports of this machine that kubectl has chosen, in the order of the ports it was asked for."""
    found = r"Forwarding from 127\.0\.0\.1:(\d+) -> \d+"
    output.until(lambda text: len(re.findall(found, text)) == count)
    return [int(port) for port in re.findall(found, output.text)]


def fetch(port: int, path: str = "hello") -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30) as answer:
        content: bytes = answer.read()
        return content


@pytest.mark.parametrize(("target", "port"), [("pod/web-0", "8080"), ("svc/nginx", "80"), ("sts/web", "8080")])
def test_a_port_is_reached_however_its_pod_is_named(serving: Kubectl, target: str, port: str) -> None:
    with serving.following("port-forward", target, f":{port}") as output:
        [local] = local_ports(output, 1)
        assert fetch(local) == b"hello\n"


def test_older_clients_upgrade_to_spdy_itself(serving: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECTL_PORT_FORWARD_WEBSOCKETS", "false")
    with serving.following("port-forward", "web-0", ":8080") as output:
        [local] = local_ports(output, 1)
        assert fetch(local) == b"hello\n"
        assert len(fetch(local, "big")) == BIG


def test_many_connections_share_several_ports(serving: Kubectl) -> None:
    """One of the ports is open on the pod's own loopback only."""
    with serving.following("port-forward", "web-0", ":8080", ":9090") as output:
        ports = local_ports(output, 2)
        with ThreadPoolExecutor(10) as threads:
            assert list(threads.map(fetch, ports * 20)) == [b"hello\n"] * 40
            big = list(threads.map(lambda port: hashlib.sha256(fetch(port, "big")).hexdigest(), ports * 2))
        wanted = serving("exec", "web-0", "--", "sha256sum", "/www/big").split()[0]
        assert big == [wanted] * 4


def test_a_port_where_nobody_listens_is_told(serving: Kubectl) -> None:
    with serving.following("port-forward", "web-0", ":81") as output:
        [local] = local_ports(output, 1)
        with pytest.raises((OSError, http.client.HTTPException)):
            fetch(local)
        text = output.until(lambda text: "lost connection to pod" in text)
        assert f"an error occurred forwarding {local} -> 81: error forwarding port 81 to pod web-0, uid : " in text
        assert "failed to connect to localhost:81" in text
        assert "connection refused" in text
        assert output.code() == 1


def test_nothing_stays_of_connections_that_are_over(serving: Kubectl) -> None:
    """In the pod's network, where both ends of them are."""
    connected = "cat /proc/net/tcp /proc/net/tcp6 | grep -cE ':1F90 ([0-9A-F:]+ )?0[18] ' || true"

    def until_connections(wanted: int) -> None:
        deadline = CLOCK.monotonic() + TIMEOUT
        while (found := int(serving("exec", "web-0", "--", "sh", "-c", connected))) != wanted:
            assert CLOCK.monotonic() < deadline, found

    with serving.following("port-forward", "web-0", ":8080") as output:
        [local] = local_ports(output, 1)
        for _ in range(5):
            fetch(local)
        until_connections(0)
        closed, lost = (http.client.HTTPConnection("127.0.0.1", local) for _ in range(2))
        closed.connect()
        until_connections(2)
        closed.close()
        until_connections(0)
        lost.connect()
        until_connections(2)
    until_connections(0)
    lost.close()


@pytest.fixture
def core(server: Server) -> Iterator[Any]:
    client, config = import_module("kubernetes.client"), import_module("kubernetes.config")
    api = config.new_client_from_config(str(server.kubeconfig))
    yield client.CoreV1Api(api)
    api.rest_client.pool_manager.clear()
    api.close()
    with warnings.catch_warnings():  # the client leaves its sockets to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def forwarded(core: Any, namespace: str, ports: str) -> Iterator[Any]:
    """The Python client's way to ports of the pod."""
    opening = import_module("kubernetes.stream").portforward
    ways = opening(core.connect_get_namespaced_pod_portforward, "web-0", namespace, ports=ports)
    for port in ports.split(","):
        ways.socket(int(port)).setblocking(True)
    try:
        yield ways
    finally:
        ways.close()
        for thread in threading.enumerate():
            if thread.name.startswith("Kubernetes port forward proxy"):
                thread.join(TIMEOUT)
        ways.websocket.shutdown()  # the client leaves a socket open whose other end was closed first


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_python_client_reaches_several_ports(serving: Kubectl, core: Any) -> None:
    with forwarded(core, serving.namespace, "8080,9090,81") as ways:
        for port in (8080, 9090):
            sock, answer = ways.socket(port), b""
            sock.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
            while not answer.endswith(b"hello\n"):  # this client sees the end of all ports only
                chunk = sock.recv(4096)
                assert chunk, answer
                answer += chunk
            assert ways.error(port) is None
        assert ways.socket(81).recv(1) == b""
        assert "failed to connect to localhost:81" in ways.error(81)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_python_client_sees_the_end_of_its_only_port(serving: Kubectl, core: Any) -> None:
    with forwarded(core, serving.namespace, "8080") as ways:
        sock, size = ways.socket(8080), 0
        sock.sendall(b"GET /big HTTP/1.0\r\n\r\n")
        while chunk := sock.recv(1 << 20):
            size += len(chunk)
        assert size > BIG
