"""A kopf operator: a ConfigMap labelled `kind: shop` becomes a StatefulSet, for as long as it is there.

Run with `kopf run`; an operator of people's own kinds would look the same but for the kinds.
"""

from typing import Any

import kopf
import kr8s
from kr8s.asyncio.objects import ConfigMap, StatefulSet

from tests.e2e.manifests import container, pod, stateful_set

SHOP = {"kind": "shop"}


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.persistence.finalizer = "example.org/shop"
    settings.watching.server_timeout = 60


@kopf.on.create("configmaps", labels=SHOP)
async def opened(name: str, namespace: str | None, body: kopf.Body, **_: Any) -> None:
    tree = stateful_set(int(body["data"]["replicas"]), pod("web", container()), podManagementPolicy="Parallel")
    tree["metadata"]["name"] = name
    kopf.adopt(tree, owner=body)
    await (await StatefulSet(tree, namespace=namespace, api=await kr8s.asyncio.api())).create()
    kopf.info(body, reason="Opened", message=f"{name} has opened")


@kopf.on.update("configmaps", labels=SHOP, field="data.replicas")
async def resized(name: str, namespace: str | None, new: Any, **_: Any) -> None:
    set_ = await StatefulSet.get(name, namespace=namespace, api=await kr8s.asyncio.api())
    await set_.scale(int(new))


@kopf.on.delete("configmaps", labels=SHOP)
async def closed(name: str, namespace: str | None, **_: Any) -> None:
    left = {"metadata": {"name": f"{name}-closed"}, "data": {"by": "the operator"}}
    await (await ConfigMap(left, namespace=namespace, api=await kr8s.asyncio.api())).create()


@kopf.on.event("pods", labels={"app": "web"})
async def pod_seen(annotations: kopf.Annotations, patch: kopf.Patch, **_: Any) -> None:
    if "seen-by" not in annotations:
        patch.metadata.annotations["seen-by"] = "shop"
