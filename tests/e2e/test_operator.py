"""An operator written with kopf works here as on any Kubernetes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from petset.api.types import ConfigMap, Pod, StatefulSet
from petset.client.interface import Patch
from tests.e2e.namespace import Namespace
from tests.e2e.server import ROOT, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

OPERATOR = ROOT / "tests" / "e2e" / "shop_operator.py"


@contextmanager
def operating(server: Server, namespace: Namespace, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The operator as a process, until the block is left."""
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace", namespace.name, str(OPERATOR)]
    environment = os.environ | {"KUBECONFIG": str(server.kubeconfig), "PYTHONPATH": str(ROOT)}
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


def shop(replicas: int) -> ConfigMap:
    made = ConfigMap(data={"replicas": str(replicas)})
    made.metadata.name = "web"
    made.metadata.labels = {"kind": "shop"}
    return made


async def test_an_operator_creates_follows_and_cleans_up(server: Server, namespace: Namespace, tmp_path: Path) -> None:
    client, name, log = namespace.client, namespace.name, tmp_path / "log"
    wanted = shop(1)
    wanted.metadata.namespace = name
    with operating(server, namespace, log):
        await client.create(wanted)
        await namespace.until(StatefulSet, "web", lambda set_: set_.status.ready_replicas == 1)
        await namespace.until(Pod, "web-0", lambda pod: pod.metadata.annotations.get("seen-by") == "shop")
        owned = await namespace.until(ConfigMap, "web", lambda obj: obj.metadata.finalizers == ["example.org/shop"])
        set_ = await client.get(StatefulSet, "web", name)
        assert [owner.uid for owner in set_.metadata.owner_references] == [owned.metadata.uid]
        await client.patch(ConfigMap, "web", name, Patch("merge", {"data": {"replicas": "2"}}))
        await namespace.until(StatefulSet, "web", lambda set_: set_.spec.replicas == 2)
        assert await namespace.until_told("Opened", "web") == "web has opened"
    await client.patch(ConfigMap, "web", name, Patch("merge", {"data": {"replicas": "0"}}))
    with operating(server, namespace, log):
        await namespace.until(StatefulSet, "web", lambda set_: set_.spec.replicas == 0)  # it catches up
        await client.delete(ConfigMap, "web", name)
        closed = await namespace.until(ConfigMap, "web-closed", lambda _: True)
        assert closed.data == {"by": "the operator"}
        await namespace.until_gone(StatefulSet, "web")
        await namespace.until_gone(ConfigMap, "web")
    assert b"Traceback" not in log.read_bytes()
