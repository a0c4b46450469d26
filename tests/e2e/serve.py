"""A petset on ranges of its own, as a process: see `main`.

Like `petset serve`: SIGTERM ends the server alone, SIGINT ends the pods in order first. The one difference is the
network's name and ranges, so that a petset that runs on the machine already is not disturbed.
"""

import asyncio
import logging
import signal
import sys
from ipaddress import IPv4Network
from pathlib import Path

import uvloop

from petset.client.connection import Connection
from petset.client.kubeconfig import write_kubeconfig
from petset.cluster import Config, running
from petset.cluster.workers import Cluster
from petset.httpd.app import Address
from petset.node.network.interface import NetworkConfig


async def serve(config: Config) -> None:
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
    async with running(config) as cluster:
        write_kubeconfig(config.data_dir / "kubeconfig", "petset", administrator(cluster))
        sys.stdout.write(f"{cluster.api.address}\n")
        sys.stdout.flush()
        if await signals.get() is signal.SIGINT:
            await cluster.shut_down()


def administrator(cluster: Cluster) -> Connection:
    return Connection(
        server=f"https://{cluster.api.address}",
        certificate_authority=cluster.api.certificates.authority.certificate.read_bytes(),
        client_certificate=cluster.api.certificates.admin.certificate.read_bytes(),
        client_key=cluster.api.certificates.admin.key.read_bytes(),
    )


def main(data_dir: str, listen: str, bridge: str, pods: str, services: str, domain: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    network = NetworkConfig(bridge, IPv4Network(pods), IPv4Network(services))
    host, _, port = listen.partition(":")
    config = Config(Path(data_dir), Address(host, int(port)), "podman", domain, network)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config))


if __name__ == "__main__":
    main(*sys.argv[1:])
