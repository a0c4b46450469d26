"""A petset server as a process of its own, with its own Podman service and network, and its end without a trace."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import IO

from petset.aio.clock import SystemClock
from petset.node.network.bridge import BridgeNetwork
from petset.node.network.interface import NetworkConfig
from petset.node.runtimes.engine import EngineRuntime
from petset.node.runtimes.podman_service import PodmanService

ROOT = Path(__file__).parents[2]
CLOCK = SystemClock()
END_TIMEOUT = 40.0
ENGINE_VARIABLES = ("PETSET_ENGINE", "CONTAINER_HOST", "DOCKER_HOST")

NGINX = "nginx:1.7.9"
NEWER_NGINX = "nginx:1.8"
BUSYBOX = "busybox:1.36"


def program(name: str) -> str:
    """A client of this machine, else the one that `make setup` has fetched; empty when there is none."""
    fetched = ROOT / ".cache" / "clients" / name
    return shutil.which(name) or (str(fetched) if fetched.exists() else "")


def own_network(number: int) -> NetworkConfig:
    """A name and ranges that hardly anybody else on this machine uses at the same time."""
    low, high = number % 256, number // 256 % 8
    pods, services = IPv4Network(f"10.{224 + high}.{low}.0/24"), IPv4Network(f"10.{232 + high}.{low}.0/24")
    return NetworkConfig(f"petsete{number % 10**7}", pods, services)


@dataclass
class Server:
    """The process and what belongs to it."""

    directory: Path
    network: NetworkConfig
    domain: str = "cluster.local"
    address: str = "127.0.0.1:0"
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def dns_address(self) -> str:
        return str(self.network.service_cidr.network_address + 10)

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def engine(self) -> PodmanService:
        """The Podman service that the server uses; started before it, so that it does not look for another one."""
        return PodmanService(self.directory, CLOCK)

    def start(self) -> None:
        """Starts the process and returns once its API answers."""
        assert self.process is None
        network = self.network
        ranges = [network.bridge, str(network.pod_cidr), str(network.service_cidr)]
        command = [sys.executable, "-m", "tests.e2e.serve", str(self.directory), self.address, *ranges, self.domain]
        environment = {name: value for name, value in os.environ.items() if name not in ENGINE_VARIABLES}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        address = _first_line(self.process.stdout)
        assert address, f"the server did not start; the end of its log:\n{self.last_words()}"
        self.address = address

    def end(self, number: signal.Signals) -> None:
        """Sends a signal, and returns once the process has ended; one that does not end is killed."""
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server did not end; the end of its log:\n{self.last_words()}") from None
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stdout:
                self.process.stdout.close()
            self.process = None

    def last_words(self) -> str:
        return "".join(self.log.read_text().splitlines(keepends=True)[-30:])

    async def load_images(self) -> None:
        """Puts the tests' images into the engine."""
        runtime = EngineRuntime(self.engine.socket, "images", CLOCK)
        await self.engine.start()
        await runtime.start()
        try:
            for archive in image_archives():
                await runtime.load(archive)
        finally:
            await runtime.close()

    async def delete(self) -> None:
        """Removes whatever is left, also after tests that failed half-way."""
        try:
            await asyncio.to_thread(self.end, signal.SIGINT)
        finally:
            network = BridgeNetwork(self.network)
            await network.destroy()
            await network.close()
            await self.engine.delete()
            remove_tree(self.directory)


def remove_tree(directory: Path) -> None:
    """Removes a directory and the mounts in it."""
    for mount in reversed(mounts_below(directory)):
        subprocess.run(["umount", "--lazy", mount], check=True)
    shutil.rmtree(directory)


def _first_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def mounts_below(directory: Path) -> list[str]:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if point.startswith(f"{directory}/")]


def image_archives() -> list[Path]:
    """The images that the tests use, built out of Debian packages and kept from one run to the next."""
    output = ROOT / ".cache" / "images"
    wanted = ("nginx", f"nginx=docker.io/library/{NEWER_NGINX}", "busybox")
    subprocess.run([sys.executable, str(ROOT / "images" / "build.py"), str(output), *wanted], check=True)
    return [output / name for name in ("nginx.tar", "nginx-1.8.tar", "busybox.tar")]


def started(directory: Path, number: int, domain: str = "cluster.local") -> Server:
    """A new server with the tests' images in its engine."""
    server = Server(directory, own_network(number), domain)
    directory.mkdir(mode=0o700)
    asyncio.run(server.load_images())
    server.start()
    return server
