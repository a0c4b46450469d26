#!/usr/bin/env python3
"""Builds small images out of Debian packages, for machines that no image registry answers.

    images/build.py OUTDIR [NAME[=REFERENCE]...] [--cache DIR]

writes OUTDIR/NAME.tar (docker-archive; `podman load -i` reads it) for each of

    nginx    docker.io/library/nginx:1.7.9: Debian's nginx under the tag of the tutorial, with a shell
    busybox  docker.io/library/busybox:1.36: Debian's busybox and glibc's getent
    pause    localhost/petset/pause:1: what holds a pod's namespaces

The programs are Debian's, whatever the tag says; each image's labels tell their versions. REFERENCE gives an image
another name, and thereby another id: a second "version" to roll out. Packages come by `apt-get download` (no root
needed) and are kept under the cache directory (default OUTDIR/packages); the next run works without a network.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from petset.node.runtimes.archive import ImageArchive, ImageConfig

NGINX_CONF = b"""\
user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log stderr notice;
events { worker_connections 512; }
http {
    include mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout;
    sendfile on;
    include conf.d/*.conf;
}
"""
NGINX_SITE = b"""\
server {
    listen 80;
    location / {
        root /usr/share/nginx/html;
        index index.html index.htm;
    }
}
"""
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\nnobody:x:65534:65534::/:/bin/false\n"
GROUP = b"root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n"
NSSWITCH = b"passwd: files\ngroup: files\nhosts: files dns\n"
LOADERS = {"amd64": "lib64/ld-linux-x86-64.so.2", "arm64": "lib/ld-linux-aarch64.so.1"}


@dataclass(frozen=True)
class Recipe:
    """How one image is made: the Debian packages its files come from, its name, and its content."""

    packages: Sequence[str]
    reference: str
    config: ImageConfig
    fill: Callable[["DebianTree", ImageArchive], None]


class DebianTree:
    """Debian packages, downloaded and unpacked side by side without being installed."""

    def __init__(self, cache: Path) -> None:
        self.architecture = run("dpkg", "--print-architecture").strip()
        self.root = cache / "root"
        self._archives = cache / "archives"
        self._unpacked = cache / "unpacked"

    def unpack(self, packages: Iterable[str]) -> None:
        """Bring in packages and the libraries that they depend on, unless an earlier run did."""
        for directory in (self.root, self._archives, self._unpacked):
            directory.mkdir(parents=True, exist_ok=True)
        wanted = [name for name in packages if not (self._unpacked / name).exists()]
        fetch_lists(wanted)
        missing = [name for name in with_libraries(wanted) if not (self._unpacked / name).exists()]
        if not missing:
            return
        run("apt-get", "download", "-qq", *missing, cwd=self._archives)
        for name in missing:
            archive = max(self._archives.glob(f"{name}_*.deb"), key=lambda path: path.stat().st_mtime)
            run("dpkg-deb", "-x", str(archive), str(self.root))
        for name in missing:
            version = run("dpkg-deb", "-f", str(max(self._archives.glob(f"{name}_*.deb"))), "Version")
            (self._unpacked / name).write_text(version)

    def version(self, package: str) -> str:
        """The version of an unpacked package."""
        return (self._unpacked / package).read_text().strip()

    def file(self, path: str) -> Path:
        """A file of the tree, where merged /usr directories may hold it under either name."""
        for candidate in (self.root / path, self.root / "usr" / path, self.root / path.removeprefix("usr/")):
            if candidate.exists():
                return candidate
        raise SystemExit(f"images: no package has /{path}")

    def add_program(self, archive: ImageArchive, path: str) -> None:
        """Copy a program and the shared libraries that it needs."""
        program = self.file(path)
        archive.add_file(path, program, 0o755)
        loader = self.file(LOADERS[self.architecture])
        directories = sorted({str(library.parent) for library in self.root.rglob("lib*.so*")})
        listing = run(str(loader), "--library-path", ":".join(directories), "--list", str(program))
        if absent := re.findall(r"(\S+) => not found", listing):
            raise SystemExit(f"images: /{path} needs {', '.join(absent)}, which no unpacked package has")
        archive.add_file(LOADERS[self.architecture], loader, 0o755)
        for name, library in re.findall(r"(\S+) => (/\S+) \(0x", listing):
            archive.add_file(f"lib/{name}", Path(library).resolve(), 0o755)


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a command and return what it prints; its failure ends the program with its own words."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        words = done.stderr.strip() or f"exit code {done.returncode}"
        raise SystemExit(
            f"images: {' '.join(command[:2])} failed: {words}\nDoes `apt-get update` need to be run first?"
        )
    return done.stdout


def fetch_lists(packages: Sequence[str]) -> None:
    """A new machine has no package lists yet; root may fetch them."""
    shown = [subprocess.run(["apt-cache", "show", name], capture_output=True, check=False) for name in packages]
    if any(answer.returncode for answer in shown) and os.geteuid() == 0:
        run("apt-get", "update", "-qq")


def with_libraries(packages: Sequence[str]) -> list[str]:
    """The packages and, transitively, every library package that they depend on."""
    found = dict.fromkeys(packages)
    fresh = list(found)
    while fresh:
        depends = re.findall(r"Depends: ((?:lib|zlib)\S+)", run("apt-cache", "depends", "--important", *fresh))
        fresh = [name for name in dict.fromkeys(depends) if name not in found]
        found.update(dict.fromkeys(fresh))
    return list(found)


def fill_busybox(tree: DebianTree, archive: ImageArchive) -> None:
    """A shell, the usual commands, and name look-ups by glibc (busybox' own nslookup ignores search domains)."""
    busybox = tree.file("bin/busybox")
    archive.add_file("bin/busybox", busybox, 0o755)
    for applet in run(str(busybox), "--list").split():
        if applet != "busybox":
            archive.add_symlink(f"bin/{applet}", "/bin/busybox")
    tree.add_program(archive, "usr/bin/getent")
    for path, content in {"passwd": PASSWD, "group": GROUP, "nsswitch.conf": NSSWITCH}.items():
        archive.add_file(f"etc/{path}", content)
    archive.add_directory("tmp", 0o1777)
    archive.add_directory("root", 0o700)
    for directory in ("proc", "sys", "dev", "run", "var/run"):
        archive.add_directory(directory)


def fill_nginx(tree: DebianTree, archive: ImageArchive) -> None:
    """nginx that serves /usr/share/nginx/html on port 80 and logs to stdout and stderr."""
    fill_busybox(tree, archive)
    tree.add_program(archive, "usr/sbin/nginx")
    archive.add_file("etc/nginx/mime.types", tree.file("etc/nginx/mime.types"))
    archive.add_file("etc/nginx/nginx.conf", NGINX_CONF)
    archive.add_file("etc/nginx/conf.d/default.conf", NGINX_SITE)
    archive.add_file("usr/share/nginx/html/index.html", tree.file("usr/share/nginx/html/index.html"))
    for directory in ("var/lib/nginx", "var/log/nginx"):
        archive.add_directory(directory)


def fill_pause(tree: DebianTree, archive: ImageArchive) -> None:
    """Nothing but a process that sleeps and reaps."""
    archive.add_file("pause", tree.file("usr/bin/catatonit"), 0o755)


RECIPES = {
    "nginx": Recipe(
        packages=("nginx", "nginx-common", "busybox-static", "libc-bin", "libc6"),
        reference="docker.io/library/nginx:1.7.9",
        config=ImageConfig(
            command=("nginx", "-g", "daemon off;"),
            stop_signal="SIGQUIT",
            exposed_ports=("80/tcp",),
        ),
        fill=fill_nginx,
    ),
    "busybox": Recipe(
        packages=("busybox-static", "libc-bin", "libc6"),
        reference="docker.io/library/busybox:1.36",
        config=ImageConfig(command=("sh",)),
        fill=fill_busybox,
    ),
    "pause": Recipe(
        packages=("catatonit",),
        reference="localhost/petset/pause:1",
        config=ImageConfig(entrypoint=("/pause", "-P"), stop_signal="SIGKILL"),
        fill=fill_pause,
    ),
}


def build(name: str, reference: str, output: Path, tree: DebianTree) -> str:
    """Build one image into the output directory and return a line for people that says what it really is."""
    recipe = RECIPES[name]
    reference = reference or recipe.reference
    program = recipe.packages[0]
    origin = f"Debian {program} {tree.version(program)}"
    archive = ImageArchive()
    recipe.fill(tree, archive)
    labels = {
        "org.opencontainers.image.ref.name": reference,
        "org.opencontainers.image.description": f"{origin}, built by petset: not the image of that name in a registry",
    }
    tag = "" if reference == recipe.reference else f"-{reference.rpartition(':')[2]}"
    path = output / f"{name}{tag}.tar"
    archive.write(path, reference, replace(recipe.config, labels=labels), tree.architecture)
    return f"{path}: {reference}, made of {origin} ({path.stat().st_size / 1e6:.1f} MB)"


def main(arguments: Sequence[str]) -> int:
    """Build what the command line names, or everything."""
    parser = argparse.ArgumentParser(description="Build small images out of Debian packages.")
    parser.add_argument("outdir", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME[=REFERENCE]", help=f"of {', '.join(RECIPES)}; default: all")
    parser.add_argument("--cache", type=Path, help="where packages are kept (default: OUTDIR/packages)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name.partition("=")[0] not in RECIPES]:
        parser.error(f"unknown image: {', '.join(unknown)}")
    os.umask(0o022)
    options.outdir.mkdir(parents=True, exist_ok=True)
    tree = DebianTree((options.cache or options.outdir / "packages").resolve())
    wanted = [name.partition("=") for name in options.names or RECIPES]
    tree.unpack(dict.fromkeys(package for name, _, _ in wanted for package in RECIPES[name].packages))
    for name, _, reference in wanted:
        sys.stdout.write(build(name, reference, options.outdir, tree) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
