#!/usr/bin/env python3
"""Measures the demo on this machine: start, readiness, memory and idle CPU of the server. Prints a Markdown table.

    bench/demo.py [--runs 5] [--idle 30] [--runtime auto|podman|docker|simulated]

Each run has a data directory of its own, which it deletes, and leaves nothing behind. The image is put into the engine
before the clock starts. What is measured:

    API ready       from starting the server's process to its first answer to GET /readyz over TLS
    3/3 ready       `petset up -f examples/web.yaml --detach`, from starting the command to its end
    server memory   RSS and PSS of the server's process after that, from /proc/PID/smaps_rollup
    idle CPU        CPU time of the server's process over --idle seconds after that, in percent of one core
"""

import argparse
import base64
import compileall
import http.client
import json
import os
import platform
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent
PETSET = [sys.executable, "-m", "petset.cli"]
POLL = 0.005
LONGEST_START = 30.0
SETTLE = 5.0
"""Seconds between readiness and the measuring of the idle server, and between a start and its end."""


@dataclass(frozen=True)
class Options:
    """How to measure."""

    runs: int
    idle: float
    runtime: str


def petset(data_dir: Path, *args: str) -> None:
    """Run a command; its output appears only when it fails."""
    environment = os.environ | {"PETSET_DATA_DIR": str(data_dir)}
    done = subprocess.run([*PETSET, *args], env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        sys.exit(f"petset {' '.join(args)} failed:\n{done.stdout}{done.stderr}")


def api_ready_seconds(options: Options) -> float:
    """Start a server on an empty data directory and ask until it answers."""
    with tempfile.TemporaryDirectory(prefix="petset-bench-") as place:
        data_dir = Path(place) / "data"
        command = [*PETSET, "serve", "--data-dir", str(data_dir), "--runtime", options.runtime]
        with (Path(place) / "log").open("wb") as log:
            begin = time.perf_counter()
            server = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                while not is_ready(data_dir / "kubeconfig"):
                    if server.poll() is not None or time.perf_counter() - begin > LONGEST_START:
                        sys.exit(f"the server does not start:\n{(Path(place) / 'log').read_text()}")
                    time.sleep(POLL)
                elapsed = time.perf_counter() - begin
                time.sleep(SETTLE)
            finally:
                petset(data_dir, "down", "--delete-volumes")
                server.wait()
        return elapsed


def is_ready(kubeconfig: Path) -> bool:
    """Whether the server of a kubeconfig answers GET /readyz with 200, asked over a new TLS connection."""
    try:
        cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        connection = http.client.HTTPSConnection(urlsplit(cluster["server"]).netloc, context=context, timeout=1)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, KeyError, IndexError, TypeError, http.client.HTTPException):
        return False


@dataclass(frozen=True)
class DemoFigures:
    """What one run of the demo showed: seconds, bytes, percent."""

    ready: float
    rss: float
    pss: float
    cpu: float


def demo_figures(options: Options) -> DemoFigures:
    """Run the demo once and look at the server afterwards."""
    with tempfile.TemporaryDirectory(prefix="petset-bench-") as place:
        data_dir = Path(place) / "data"
        if options.runtime != "simulated":
            environment = os.environ | {"PETSET_DATA_DIR": str(data_dir)}
            command = [sys.executable, str(ROOT / "scripts" / "demo_image.py")]
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        try:
            begin = time.perf_counter()
            petset(data_dir, "up", "-f", "examples/web.yaml", "--detach", "--runtime", options.runtime)
            ready = time.perf_counter() - begin
            pid = int(json.loads((data_dir / "server.json").read_text())["pid"])
            time.sleep(SETTLE)
            rss, pss = memory_of(pid)
            cpu = idle_cpu_percent(pid, options.idle)
        finally:
            petset(data_dir, "down", "--delete-volumes")
            shutil.rmtree(data_dir, ignore_errors=True)
        return DemoFigures(ready, rss, pss, cpu)


def memory_of(pid: int) -> tuple[float, float]:
    """Resident and proportional set size in bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {line.partition(":")[0]: line.split()[1] for line in lines[1:]}
    return int(sizes["Rss"]) * 1024.0, int(sizes["Pss"]) * 1024.0


def idle_cpu_percent(pid: int, seconds: float) -> float:
    """CPU time of a process while nobody asks it for anything."""
    before, begin = cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return 100.0 * (cpu_seconds(pid) - before) / (time.perf_counter() - begin)


def cpu_seconds(pid: int) -> float:
    """Time that all threads of a process have run, in nanoseconds the first field of schedstat."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def row(what: str, values: Sequence[float], unit: str, goal: str) -> str:
    """One line of the table: the median, and the range it lies in."""
    digits = 0 if unit == "MB" else 2
    median, low, high = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"| {what} | {median} {unit} | {low} to {high} | {goal} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the demo.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--idle", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("--runtime", default="auto", choices=("auto", "podman", "docker", "simulated"))
    options = Options(**vars(parser.parse_args()))
    compileall.compile_dir(ROOT / "src", quiet=1)  # as the set-up does; a start without compiled files is 0.2 s slower
    starts = [api_ready_seconds(options) for _ in range(options.runs)]
    demos = [demo_figures(options) for _ in range(options.runs)]
    print(
        f"{options.runs} runs, runtime {options.runtime}, Python {platform.python_version()}, {os.cpu_count()} cores\n"
    )
    print("| | median | range | goal |\n| --- | --- | --- | --- |")
    print(row("API ready", starts, "s", "0.5 s"))
    print(row("demo 3/3 ready", [demo.ready for demo in demos], "s", "6 s"))
    print(row("server memory after the demo, RSS", [demo.rss / 1e6 for demo in demos], "MB", "120 MB"))
    print(row("server memory after the demo, PSS", [demo.pss / 1e6 for demo in demos], "MB", ""))
    print(row("idle CPU, of one core", [demo.cpu for demo in demos], "%", "1 %"))


if __name__ == "__main__":
    main()
