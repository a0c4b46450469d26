"""Fills Secrets that ask for the token of a ServiceAccount, and ends those whose account is gone.

Follows upstream's `pkg/controller/serviceaccount/tokens_controller.go`. The token is bound to its Secret: it is good
for as long as that is there, and for 136 years.
"""

import base64
from collections.abc import Iterable

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import Conflict, NotFound
from petset.api.meta import Key, copy, key_of
from petset.api.types import (
    BoundObjectReference,
    DeleteOptions,
    Preconditions,
    Secret,
    ServiceAccount,
    TokenRequest,
    TokenRequestSpec,
)
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.controllers.runtime import DONE, Controller, Result, enqueue_from

NAME = "tokens-controller"
TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
LONGEST_SECONDS = 1 << 32


class TokensController:
    """Keeps token Secrets filled. `run` works until it is cancelled. `root_ca` is in PEM form."""

    def __init__(self, client: Client, informers: InformerFactory, clock: Clock, root_ca: str) -> None:
        self._client = client
        self._root_ca = root_ca
        self._secrets = informers.informer(Secret)
        self._accounts = informers.informer(ServiceAccount)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        enqueue_from(self._secrets, self._queue, lambda secret: (key_of(secret),) if secret.type == TYPE else ())
        enqueue_from(self._accounts, self._queue, self._of_account)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=(self._secrets, self._accounts))

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _of_account(self, account: ServiceAccount) -> Iterable[Key]:
        """The token Secrets of an account, by their own word."""
        name, namespace = account.metadata.name, account.metadata.namespace
        return [
            key_of(secret)
            for secret in self._secrets.list(namespace)
            if secret.type == TYPE and secret.metadata.annotations.get(ACCOUNT_NAME) == name
        ]

    async def _reconcile(self, key: Key) -> Result:
        secret = self._secrets.get(key.namespace, key.name)
        if secret is None or secret.type != TYPE:
            return DONE
        account = await self._account_of(secret)
        try:
            if account is None:
                owned = Preconditions(uid=secret.metadata.uid)
                await self._client.delete(Secret, key.name, key.namespace, DeleteOptions(preconditions=owned))
            else:
                await self._fill(secret, account)
        except (NotFound, Conflict):
            return DONE  # it is gone, or has changed, and comes again then
        return DONE

    async def _account_of(self, secret: Secret) -> ServiceAccount | None:
        """The account that a Secret names, asked of the server before it counts as gone."""
        meta = secret.metadata
        name, uid = meta.annotations.get(ACCOUNT_NAME, ""), meta.annotations.get(ACCOUNT_UID, "")
        account = self._accounts.get(meta.namespace, name)
        if account is None or uid not in {"", account.metadata.uid}:
            try:
                account = await self._client.get(ServiceAccount, name, meta.namespace)
            except NotFound:
                return None
        return account if uid in {"", account.metadata.uid} else None

    async def _fill(self, secret: Secret, account: ServiceAccount) -> None:
        meta = secret.metadata
        wanted = {"ca.crt": encoded(self._root_ca), "namespace": encoded(meta.namespace)}
        if not secret.data.get("token"):
            wanted["token"] = encoded(await self._token(secret, account))
        filled = copy(secret)
        filled.data |= wanted
        filled.metadata.annotations[ACCOUNT_UID] = account.metadata.uid
        if filled != secret:
            await self._client.update(filled)

    async def _token(self, secret: Secret, account: ServiceAccount) -> str:
        meta = secret.metadata
        bound = BoundObjectReference(api_version="v1", kind="Secret", name=meta.name, uid=meta.uid)
        request = TokenRequest(spec=TokenRequestSpec(bound_object_ref=bound, expiration_seconds=LONGEST_SECONDS))
        answer = await self._client.create_subresource(
            ServiceAccount, account.metadata.name, meta.namespace, "token", request
        )
        return answer.status.token


def encoded(text: str) -> str:
    """As values stand in a Secret."""
    return base64.b64encode(text.encode()).decode()
