"""The cluster that a command which only reads is about: petset's own server, or any that a kubeconfig names."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from petset.cli.applying import DEFAULT_NAMESPACE, FIELD_MANAGER
from petset.cli.data_directory import data_directory
from petset.cli.failure import Failure
from petset.cli.running import session
from petset.client.connection import Connection
from petset.client.http import HttpClient
from petset.client.kubeconfig import default_paths, read_kubeconfig
from petset.kinds import CATALOGUE


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connection, and the namespace that is meant when none is named."""

    client: HttpClient
    namespace: str


@asynccontextmanager
async def connected(kubeconfig: Path | None, context: str, data_dir: Path | None) -> AsyncIterator[Cluster]:
    """The cluster of a kubeconfig or a context; with neither the server of a data directory. Raises Failure."""
    if kubeconfig is None and not context:
        async with session(data_directory(data_dir)) as opened:
            yield Cluster(opened.client, DEFAULT_NAMESPACE)
        return
    connection = _connection(kubeconfig, context)
    client = HttpClient(connection, CATALOGUE, field_manager=FIELD_MANAGER)
    try:
        yield Cluster(client, connection.namespace)
    finally:
        await client.close()


def _connection(kubeconfig: Path | None, context: str) -> Connection:
    """Raises Failure for a file that is not there, ConfigError for one that makes no sense."""
    if kubeconfig is not None and not kubeconfig.exists():
        raise Failure(f"the path {str(kubeconfig)!r} does not exist")
    paths = [kubeconfig] if kubeconfig is not None else default_paths(os.environ, Path.home())
    return read_kubeconfig(paths).connection(context)
