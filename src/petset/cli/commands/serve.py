"""`petset serve`: the server itself, in the foreground. `petset up` starts it in the background; not for people.

SIGINT ends the pods in order, then the server. SIGTERM ends the server at once; the pods live on.
"""

import asyncio
import errno
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
import typer

from petset import __version__
from petset.aio.memory import search_no_more, search_rarely
from petset.aio.tasks import Supervisor
from petset.api.errors import StatusError
from petset.cli.addresses import DEFAULT, choose_address, url_of
from petset.cli.data_directory import DataDirectory, data_directory
from petset.cli.failure import Failure
from petset.cli.options import DataDir
from petset.cli.server_process import Report, ServerOptions
from petset.cli.server_record import ServerRecord, read_record, start_time, write_record
from petset.client.connection import Connection
from petset.client.kubeconfig import write_kubeconfig
from petset.cluster import Api, Config, serving, work_behind
from petset.httpd.app import Address
from petset.httpd.certificates import Certificates
from petset.node.network.choice import choose_network
from petset.node.runtimes.errors import ContainerRuntimeError
from petset.store.interface import StoreError

if TYPE_CHECKING:
    from petset.cluster.workers import Cluster
    from petset.node.runtimes.discovery import Wanted

log = logging.getLogger(__name__)


def command(
    data_dir: DataDir = None,
    listen: str = "",
    runtime: str = "auto",
    cluster_domain: str = "cluster.local",
    report_to: Annotated[int, typer.Option(help="A file descriptor that is told how the start went.")] = -1,
) -> None:
    """Runs the server until a signal ends it."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, force=True, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    directory = data_directory(data_dir)
    try:
        directory.prepare()
        with directory.locked() as ours:
            if not ours:
                raise Failure(_who_has(directory))
            _run(directory, ServerOptions(listen, runtime, cluster_domain), report_to)
    except Failure as failure:
        _report(report_to, Report(error=str(failure)))
        raise


def _who_has(directory: DataDirectory) -> str:
    record = read_record(directory.record)
    who = f"another petset (pid {record.pid})" if record is not None else "another petset"
    return f"{who} serves {directory.root}; use --data-dir for a second one, or petset down"


def _run(directory: DataDirectory, options: ServerOptions, report_to: int) -> None:
    before = read_record(directory.record)
    address = Address(*choose_address(options.listen, [*([before.address] if before is not None else []), DEFAULT]))
    try:
        network = choose_network(directory.root)
        config = Config(directory.root, address, cast("Wanted", options.runtime), options.cluster_domain, network)
        with asyncio.Runner(loop_factory=_event_loop()) as runner:
            runner.run(_serve(directory, config, report_to))
    except (ContainerRuntimeError, StoreError) as error:
        raise Failure(str(error)) from error
    except StatusError as error:
        raise Failure(f"the server could not start: {error.message}") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Failure(f"cannot listen on {address}: another program listens there") from error
        raise Failure(f"the server could not start: {error}") from error


def _event_loop() -> type[asyncio.AbstractEventLoop] | None:
    if sys.implementation.name != "cpython":
        return None
    import uvloop  # noqa: PLC0415 - exists for CPython only

    return uvloop.Loop


async def _serve(directory: DataDirectory, config: Config, report_to: int) -> None:
    loop = asyncio.get_running_loop()
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signals.put_nowait, number)
    async with serving(config) as api:
        write_kubeconfig(directory.kubeconfig, "petset", _administrator(api.address, api.certificates))
        with _recorded(directory.record, _record(api)) as begun:
            log.info("petset %s serves %s on %s", __version__, directory.root, api.address)
            # every runtime but Docker can be had or be waited for; its absence has to be told instead of an address
            early = config.runtime != "docker"
            if early:
                _report(report_to, Report(address=str(api.address)))
            async with work_behind(api) as cluster:
                begun.set()
                search_rarely()
                if not early:
                    _report(report_to, Report(address=str(api.address)))
                ended = await _until_told(cluster, signals)
    if ended:
        directory.record.unlink()
    log.info("petset ends; %s", "all pods are gone" if ended else "its pods live on")
    search_no_more()


@contextmanager
def _recorded(path: Path, record: ServerRecord) -> Iterator[asyncio.Event]:
    """Writes the record, and takes it back unless the work has begun: then there are no pods to end."""
    before = read_record(path)
    write_record(path, record)
    begun = asyncio.Event()
    try:
        yield begun
    finally:
        if not begun.is_set():
            path.unlink()
            if before is not None:
                write_record(path, before)


async def _until_told(cluster: "Cluster", signals: asyncio.Queue[signal.Signals]) -> bool:
    """Waits for the signal that ends the server; whether the pods were ended, too."""
    if await signals.get() is signal.SIGTERM:
        return False
    log.info("ending all pods")
    async with Supervisor("shutdown", cluster.api.clock) as supervisor:
        ending = supervisor.background("all pods", cluster.shut_down())
        impatient = supervisor.background("SIGTERM", _terminated(signals))
        await asyncio.wait((ending, impatient), return_when=asyncio.FIRST_COMPLETED)
        return ending.done() and not ending.cancelled() and ending.exception() is None


async def _terminated(signals: asyncio.Queue[signal.Signals]) -> None:
    while await signals.get() is not signal.SIGTERM:
        pass


def _administrator(address: Address, certificates: Certificates) -> Connection:
    return Connection(
        server=url_of(str(address)),
        certificate_authority=certificates.authority.certificate.read_bytes(),
        client_certificate=certificates.admin.certificate.read_bytes(),
        client_key=certificates.admin.key.read_bytes(),
    )


def _record(api: Api) -> ServerRecord:
    config = api.config
    return ServerRecord(
        pid=os.getpid(),
        started=start_time(os.getpid()),
        address=str(api.address),
        version=__version__,
        runtime=config.runtime,
        cluster_domain=config.cluster_domain,
    )


def _report(descriptor: int, report: Report) -> None:
    """Tells whoever started this process; once, for then the pipe is closed."""
    if descriptor < 0:
        return
    try:
        with os.fdopen(descriptor, "wb") as pipe:
            pipe.write(msgspec.json.encode(report) + b"\n")
    except OSError as error:
        log.debug("nobody wants the report: %s", error)
