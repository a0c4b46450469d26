"""Helm, unmodified, as tests run it."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.server import program

HELM = program("helm")
NO_HELM = "" if HELM else "Helm is not installed: make setup fetches it"
CHARTS = Path(__file__).parent / "charts"
TIMEOUT = 80.0


@dataclass(frozen=True)
class Helm:
    """Helm with a kubeconfig, in a namespace, with directories of its own."""

    kubeconfig: Path
    namespace: str
    home: Path

    def __call__(self, *arguments: str) -> str:
        """What a command that has to succeed prints."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}"
        return done.stdout

    def fails(self, *arguments: str) -> str:
        """What a command that has to fail complains of."""
        done = self.run(*arguments)
        assert done.returncode == 1, f"helm {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}"
        return done.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        scope = ["--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace]
        directories = {f"HELM_{name}_HOME": str(self.home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return subprocess.run(
            [HELM, *arguments, *scope],
            capture_output=True,
            text=True,
            env=os.environ | directories,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--output", "json"))
