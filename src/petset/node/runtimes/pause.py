"""The image of pause containers, made on this machine: nothing but catatonit, which sleeps and reaps."""

import platform
import shutil
from pathlib import Path

from petset.node.runtimes.archive import ImageArchive, ImageConfig
from petset.node.runtimes.errors import RuntimeUnavailable

REFERENCE = "localhost/petset/pause:1"

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_SEARCH_PATH = "/usr/libexec/podman:/usr/lib/podman:/usr/local/libexec/podman:/usr/bin:/usr/local/bin"


def find_catatonit() -> Path:
    """Where the program is installed. Raises `RuntimeUnavailable` with what to install."""
    found = shutil.which("catatonit") or shutil.which("catatonit", path=_SEARCH_PATH)
    if found is None:
        raise RuntimeUnavailable(
            "catatonit, the program that holds a pod's namespaces, is not installed: apt-get install catatonit"
        )
    return Path(found).resolve()


def write_archive(output: Path) -> None:
    """Write the image as a docker-archive. Raises `RuntimeUnavailable` when catatonit is not installed."""
    archive = ImageArchive()
    archive.add_file("pause", find_catatonit(), 0o755)
    config = ImageConfig(entrypoint=("/pause", "-P"), stop_signal="SIGKILL")
    machine = platform.machine()
    archive.write(output, REFERENCE, config, _ARCHITECTURES.get(machine, machine))
