"""The server as a process of its own: starting it in the background, hearing from it, ending it."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from petset.aio.clock import SystemClock
from petset.cli.data_directory import DataDirectory
from petset.cli.failure import Failure
from petset.cli.server_record import ServerRecord

LARGEST_LOG = 10 * 1024 * 1024
POLL = 0.05
RUNTIMES = ("auto", "podman", "docker", "simulated")
QUOTED_LINES = 3


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What the user may say about the server. Empty means: no wish."""

    listen: str = ""
    runtime: str = ""
    cluster_domain: str = ""


class Report(msgspec.Struct, omit_defaults=True):
    """The one line that a starting server sends to whoever started it."""

    address: str = ""
    error: str = ""


def start_server(directory: DataDirectory, options: ServerOptions) -> tuple[subprocess.Popen[bytes], str]:
    """Starts a server in the background and waits until its API answers; the process and the address.

    The server has a session of its own: a Ctrl-C in the terminal does not reach it. Raises Failure with its reason.
    """
    directory.prepare()
    _turn_over(directory.log)
    heard, said = os.pipe()
    command = [sys.executable, "-m", "petset.cli", "serve", "--data-dir", str(directory.root), "--report-to", str(said)]
    named = {"--listen": options.listen, "--runtime": options.runtime, "--cluster-domain": options.cluster_domain}
    for option, value in named.items():
        command += [option, value] if value else []
    with os.fdopen(heard, "rb") as reports, directory.log.open("ab") as log:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(said,),
                start_new_session=True,
                cwd="/",
            )
        finally:
            os.close(said)
        line = reports.readline()
    report = msgspec.json.decode(line, type=Report) if line else Report()
    if report.address:
        return process, report.address
    process.wait()
    raise Failure(report.error or f"the server ended while it started\n{last_words(directory.log)}")


def _turn_over(log: Path) -> None:
    """Keeps one old log beside the new one, once it has grown large."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))


def last_words(log: Path) -> str:
    """The end of the server's log, and where the rest is."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    quoted = [f"  {line}" for line in lines[-QUOTED_LINES:]]
    return "\n".join([*quoted, f"the whole log: {log}"])


def signal_server(record: ServerRecord, number: signal.Signals) -> None:
    """Sends a signal, when the process is still the recorded one. Raises Failure without the permission."""
    if not record.running:
        return
    try:
        os.kill(record.pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise Failure(f"petset (pid {record.pid}) belongs to another user") from error


async def until_ended(record: ServerRecord) -> None:
    """Waits for the end of the server's process."""
    clock = SystemClock()
    while record.running:
        await clock.sleep(POLL)


def check_agreement(record: ServerRecord, options: ServerOptions) -> None:
    """Raises Failure when the user asks for a server other than the one that runs."""
    compared = (
        ("--listen", options.listen, record.address),
        ("--cluster-domain", options.cluster_domain, record.cluster_domain),
        ("--runtime", options.runtime if options.runtime != "auto" else "", record.runtime),
    )
    for option, wanted, actual in compared:
        if wanted and wanted != actual:
            raise Failure(
                f"petset (pid {record.pid}) runs already with {option} {actual}, not {wanted}; "
                "end it with petset down, or leave the option out"
            )


def missing_for_containers(runtime: str, user: int, platform: str) -> str:
    """What this machine or user lacks for pods in real containers; empty when nothing is known to be missing."""
    instead = "or choose --runtime simulated: everything but the containers themselves"
    if runtime == "simulated":
        return ""
    if platform != "linux":
        return f"containers need Linux, this is {platform}; use a Linux machine, {instead}"
    if user != 0:
        return (
            "containers need root: petset makes a network bridge, mounts volumes and limits resources; "
            f"run it with sudo, {instead}"
        )
    if runtime == "podman" and not shutil.which("podman"):
        return f"the command podman is not installed; install it, {instead}"
    return ""
