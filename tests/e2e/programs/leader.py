"""Runs in a pod: takes the lead when nobody has it, as Patroni does, and writes its name where everybody looks.

It knows only what every pod is given: the environment, and the files of its ServiceAccount.
"""

import os
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

client = import_module("kubernetes.client")
config = import_module("kubernetes.config")

NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
SECONDS = 2
PAUSE = 0.2
CONFLICT, NOT_FOUND = 409, 404


class Candidate:
    """One who wants to lead. A lease that has not moved for its time has lost its holder."""

    def __init__(self, name: str, namespace: str) -> None:
        self.name, self.namespace = name, namespace
        self.leases, self.core = client.CoordinationV1Api(), client.CoreV1Api()
        self._seen: tuple[Any, float] = (None, 0.0)

    def leads(self) -> bool:
        """Takes or keeps the lease, unless somebody else has it."""
        try:
            lease = self.leases.read_namespaced_lease("leader", self.namespace)
        except client.ApiException as error:
            if error.status != NOT_FOUND:
                raise
            lease = client.V1Lease(metadata=client.V1ObjectMeta(name="leader"), spec=client.V1LeaseSpec())
            self._fill(lease)
            return self._accepted(lambda: self.leases.create_namespaced_lease(self.namespace, lease))
        if lease.spec.holder_identity != self.name and not self._is_over(lease):
            return False
        self._fill(lease)
        return self._accepted(lambda: self.leases.replace_namespaced_lease("leader", self.namespace, lease))

    def _is_over(self, lease: Any) -> bool:
        now = time.monotonic()
        if self._seen[0] != lease.metadata.resource_version:
            self._seen = (lease.metadata.resource_version, now)
        return now - self._seen[1] > SECONDS

    def _fill(self, lease: Any) -> None:
        lease.spec.holder_identity, lease.spec.lease_duration_seconds = self.name, SECONDS
        lease.spec.renew_time = datetime.now(UTC)  # noqa: TID251 - petset is not there where this runs

    def _accepted(self, write: Any) -> bool:
        try:
            write()
        except client.ApiException as error:
            if error.status != CONFLICT:
                raise
            return False
        return True

    def announce(self) -> None:
        """Writes the leader's name on the Endpoints, where clients look for it."""
        body = {"metadata": {"name": "leader", "annotations": {"leader": self.name}}}
        try:
            self.core.patch_namespaced_endpoints("leader", self.namespace, body)
        except client.ApiException as error:
            if error.status != NOT_FOUND:
                raise
            self.core.create_namespaced_endpoints(self.namespace, body)


def main() -> None:
    config.load_incluster_config()
    candidate = Candidate(os.environ["HOSTNAME"], NAMESPACE.read_text())
    leading = False
    while True:
        was, leading = leading, candidate.leads()
        if leading and not was:
            candidate.announce()
            sys.stdout.write(f"{candidate.name} leads\n")
            sys.stdout.flush()
        time.sleep(PAUSE)  # noqa: TID251 - as above


main()
