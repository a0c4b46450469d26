"""A cluster's API by raw HTTP, and what is looked at in its answers. Nothing here knows what answers."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp

from petset.aio.clock import SystemClock
from petset.client.connection import Connection, tls_context

Tree = dict[str, Any]

JSON = "application/json"
MERGE = "application/merge-patch+json"
PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TRY = "dryRun=All"

PLACES = {
    "configmaps": "api/v1",
    "endpoints": "api/v1",
    "events": "api/v1",
    "limitranges": "api/v1",
    "namespaces": "api/v1",
    "nodes": "api/v1",
    "persistentvolumeclaims": "api/v1",
    "persistentvolumes": "api/v1",
    "pods": "api/v1",
    "resourcequotas": "api/v1",
    "secrets": "api/v1",
    "serviceaccounts": "api/v1",
    "services": "api/v1",
    "controllerrevisions": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2",
    "leases": "apis/coordination.k8s.io/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "ingressclasses": "apis/networking.k8s.io/v1",
    "ingresses": "apis/networking.k8s.io/v1",
    "networkpolicies": "apis/networking.k8s.io/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "priorityclasses": "apis/scheduling.k8s.io/v1",
    "storageclasses": "apis/storage.k8s.io/v1",
}
CLUSTER_WIDE = frozenset(
    {"ingressclasses", "namespaces", "nodes", "persistentvolumes", "priorityclasses", "storageclasses"}
)
CLOCK = SystemClock()
GOODBYE_SECONDS = 10.0


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    warnings: tuple[str, ...] = ()

    @property
    def tree(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        return str(self.tree.get("reason", ""))

    @property
    def message(self) -> str:
        return str(self.tree.get("message", ""))

    @property
    def causes(self) -> list[str]:
        """Every cause as it stands in messages, each once."""
        causes = self.tree.get("details", {}).get("causes", [])
        return list(dict.fromkeys(f"{cause.get('field', '')}: {cause['message']}" for cause in causes))

    @property
    def names(self) -> list[str]:
        """Of the items of a list."""
        return [item["metadata"]["name"] for item in self.tree["items"]]

    def done(self, status: int = 200) -> Any:
        """The body of an answer that has to have that status."""
        assert self.status == status, f"{self.status}: {self.body[:1000]!r}"
        return self.tree


class Api:
    """The way to a cluster, with a namespace for what one test makes there."""

    def __init__(self, session: aiohttp.ClientSession, server: str, namespace: str) -> None:
        self._session = session
        self._server = server
        self.namespace = namespace

    @classmethod
    @asynccontextmanager
    async def opened(cls, connection: Connection, namespace: str, user: str = "") -> AsyncIterator["Api"]:
        """For the administrator, who may act as another user."""
        headers = {"User-Agent": "conformance/1"} | ({"Impersonate-User": user} if user else {})
        if connection.token:
            headers["Authorization"] = f"Bearer {connection.token}"
        sockets: list[socket.socket] = []

        def opened(address: tuple[Any, ...]) -> socket.socket:
            sockets.append(socket.socket(*address[:3]))
            sockets[-1].setblocking(False)
            return sockets[-1]

        connector = aiohttp.TCPConnector(ssl=tls_context(connection) or False, socket_factory=opened)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            yield cls(session, connection.server, namespace)
        async with asyncio.timeout(GOODBYE_SECONDS):
            while any(each.fileno() >= 0 for each in sockets):  # aiohttp does not wait for goodbyes over TLS
                await CLOCK.sleep(0.002)

    async def begin(self) -> None:
        """Makes the namespace; its ServiceAccount comes by itself, or is made where nobody makes it."""
        (await self.post("namespaces", {"metadata": {"name": self.namespace}})).done(201)
        made = await self.post("serviceaccounts", {"metadata": {"name": "default"}})
        assert made.status in {201, 409}, made.body

    async def end(self) -> None:
        """Lets the namespace go."""
        await self.delete(f"namespaces/{self.namespace}")

    def path(self, place: str) -> str:
        """The URL of `plural[/name[/subresource]]`; what begins with a slash is one already."""
        place = place.replace("{ns}", self.namespace)
        if place.startswith("/"):
            return place
        plural, slash, rest = place.partition("/")
        inside = "" if plural in CLUSTER_WIDE else f"namespaces/{self.namespace}/"
        return f"/{PLACES[plural]}/{inside}{plural}{slash}{rest}"

    async def ask(
        self,
        method: str,
        place: str,
        body: Any = None,
        *,
        type_: str | None = JSON,
        accept: str = JSON,
        query: str = "",
    ) -> Reply:
        """One request; a body that is not text or bytes goes as JSON."""
        headers = {"Accept": accept} if accept else {}
        data = body if body is None or isinstance(body, bytes) else body.encode() if isinstance(body, str) else None
        if body is not None and data is None:
            data = json.dumps(body).encode()
        if data is not None and type_ is not None:
            headers["Content-Type"] = type_
        skip = {"Content-Type"} if type_ is None else set()
        url = f"{self._server}{self.path(place)}{f'?{query}' if query else ''}".replace("{ns}", self.namespace)
        sent = BytesIO(data) if data is not None else None
        async with self._session.request(method, url, data=sent, headers=headers, skip_auto_headers=skip) as answer:
            told = tuple(unquoted(text) for text in answer.headers.getall("Warning", ()))
            return Reply(answer.status, dict(answer.headers), await answer.read(), told)

    async def get(self, place: str, query: str = "", *, accept: str = JSON) -> Reply:
        return await self.ask("GET", place, query=query, accept=accept)

    async def post(self, place: str, body: Any, query: str = "") -> Reply:
        return await self.ask("POST", place, body, query=query)

    async def put(self, place: str, body: Any, query: str = "") -> Reply:
        return await self.ask("PUT", place, body, query=query)

    async def patch(self, place: str, body: Any, type_: str = MERGE, query: str = "") -> Reply:
        return await self.ask("PATCH", place, body, type_=type_, query=query)

    async def delete(self, place: str, body: Any = None, query: str = "") -> Reply:
        return await self.ask("DELETE", place, body, query=query)

    async def apply(self, place: str, config: Any, manager: str, query: str = "") -> Reply:
        return await self.patch(place, config, APPLY, "&".join(filter(None, (f"fieldManager={manager}", query))))

    @asynccontextmanager
    async def watch(self, place: str, query: str = "", *, accept: str = JSON) -> AsyncIterator["Watch"]:
        """A watch, for as long as the block lasts."""
        url = f"{self._server}{self.path(place)}?watch=1&timeoutSeconds=30&{query}"
        async with self._session.get(url, headers={"Accept": accept}) as answer:
            assert answer.status == 200, await answer.text()
            yield Watch(answer)

    @asynccontextmanager
    async def watch_messages(
        self, place: str, query: str, protocol: str = "", *, accept: str = JSON
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A watch over a WebSocket, as from a page of a browser."""
        url, protocols = f"{self._server}{self.path(place)}?watch=1&{query}", (protocol,) if protocol else ()
        opening = self._session.ws_connect(
            url, origin="https://example.com", protocols=protocols, headers={"Accept": accept}
        )
        async with opening as socket:
            assert (socket.protocol or "") == protocol
            yield socket

    async def eventually(self, place: str, status: int) -> Reply:
        """The answer to a GET once it has that status."""
        while True:
            reply = await self.get(place)
            if reply.status == status:
                return reply
            await CLOCK.sleep(0.05)


class Watch:
    """The events of a watch, as they come."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._lines = answer.content

    async def next(self) -> tuple[str, Any]:
        """The next event: what happened, and to which object."""
        event = json.loads(await self._lines.readline())
        return event["type"], event["object"]

    async def take(self, number: int) -> list[tuple[str, str]]:
        """The next events, by the names of their objects."""
        events = [await self.next() for _ in range(number)]
        return [(type_, obj["metadata"].get("name", "")) for type_, obj in events]


def unquoted(warning: str) -> str:
    """The text of a Warning header (RFC 7234)."""
    found = re.fullmatch(r'299 - "(.*)"', warning)
    assert found, warning
    return re.sub(r"\\(.)", r"\1", found[1])


def told(text: str, expected: str) -> bool:
    """Whether a text is the expected one; an ellipsis at its end stands for whatever follows."""
    return text.startswith(expected[:-1]) if expected.endswith("…") else text == expected


def refused(reply: Reply, status: int, reason: str, message: str = "", causes: list[str] | None = None) -> None:
    """A Status that says so; messages and causes are compared where they are given."""
    assert (reply.status, reply.reason) == (status, reason), reply.body[:1000]
    tree = reply.tree
    assert (tree["kind"], tree["apiVersion"], tree["status"], tree["code"]) == ("Status", "v1", "Failure", status)
    assert reply.headers["Content-Type"] == JSON
    assert not message or told(tree["message"], message), tree["message"]
    if causes is not None:
        assert len(reply.causes) == len(causes), reply.causes
        assert all(told(found, wanted) for found, wanted in zip(reply.causes, causes, strict=True)), reply.causes


def merged(base: Any, change: Any) -> Any:
    """The tree after a merge patch (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def config_map(name: str = "c", labels: Mapping[str, str] | None = None, **data: str) -> Tree:
    metadata: Tree = {"name": name}
    if labels:
        metadata["labels"] = dict(labels)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **({"data": data} if data else {})}


def stateful_set(**spec: Any) -> Tree:
    """A set that makes no pods."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "serviceName": "web",
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]},
            },
            **spec,
        },
    }


def pod(**spec: Any) -> Tree:
    """A pod that no scheduler looks at."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "nginx:1.27"}], **spec},
    }


POD_SPEC = {
    "containers": [
        {
            "name": "nginx",
            "image": "nginx:1.27",
            "command": ["a", "b"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C", "value": "3"}],
            "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 53, "protocol": "UDP"}],
        },
        {"name": "side", "image": "side:1"},
    ],
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "imagePullSecrets": [{"name": "one"}],
    "volumes": [{"name": "v", "emptyDir": {}}],
}
BASE = merged(
    stateful_set(),
    {
        "metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["example.com/a", "example.com/b"]},
        "spec": {"template": {"spec": POD_SPEC}},
    },
)
"""A set with something of everything, to try patches on."""
