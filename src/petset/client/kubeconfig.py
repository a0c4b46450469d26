"""Kubeconfig files and in-cluster configuration: read into a `Connection`, written for kubectl.

Reading follows client-go's clientcmd: the files of KUBECONFIG are merged, the first one to define a name wins, relative
paths are relative to the file they stand in.
"""

import base64
import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from petset.client.connection import Connection, decoded
from petset.client.errors import ConfigError
from petset.client.execplugin import ExecPlugin

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_PATHS = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
}


class Kubeconfig:
    """The merged content of some files: named clusters, users and contexts."""

    def __init__(self, documents: Sequence[tuple[Path, Mapping[str, Any]]]) -> None:
        self.current_context = ""
        self._entries: dict[str, dict[str, Mapping[str, Any]]] = {section: {} for section in _SECTIONS}
        for path, document in documents:
            self.current_context = self.current_context or str(document.get("current-context") or "")
            for section, singular in _SECTIONS.items():
                for entry in document.get(section) or ():
                    body = _absolute(entry.get(singular) or {}, _PATHS.get(singular, ()), path.parent)
                    self._entries[section].setdefault(str(entry.get("name", "")), body)

    @property
    def contexts(self) -> list[str]:
        """The names of all contexts."""
        return [*self._entries["contexts"]]

    def connection(self, context: str = "") -> Connection:
        """The connection a context stands for; by default the current one. Raises ConfigError."""
        name = context or self.current_context
        if not name:
            raise ConfigError("the kubeconfig has no current context")
        chosen = self._entry("contexts", name)
        cluster = self._entry("clusters", str(chosen.get("cluster", "")))
        user = self._entry("users", str(chosen["user"])) if chosen.get("user") else {}
        if not cluster.get("server"):
            raise ConfigError(f"cluster {chosen.get('cluster')!r} of the kubeconfig has no server")
        token_file = user.get("tokenFile")
        return Connection(
            server=str(cluster["server"]).rstrip("/"),
            namespace=str(chosen.get("namespace") or "default"),
            certificate_authority=_content(cluster, "certificate-authority"),
            insecure_skip_tls_verify=bool(cluster.get("insecure-skip-tls-verify")),
            tls_server_name=str(cluster.get("tls-server-name") or ""),
            client_certificate=_content(user, "client-certificate"),
            client_key=_content(user, "client-key"),
            token=str(user.get("token") or ""),
            token_file=Path(token_file) if token_file else None,
            username=str(user.get("username") or ""),
            password=str(user.get("password") or ""),
            exec_plugin=_plugin(user["exec"]) if user.get("exec") else None,
        )

    def _entry(self, section: str, name: str) -> Mapping[str, Any]:
        entry = self._entries[section].get(name)
        if entry is None:
            raise ConfigError(f"the kubeconfig has no {_SECTIONS[section]} {name!r}")
        return entry


def default_paths(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Where kubectl looks: the files of KUBECONFIG, else ~/.kube/config."""
    listed = [Path(part) for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    return listed or [home / ".kube" / "config"]


def read_kubeconfig(paths: Sequence[Path]) -> Kubeconfig:
    """The merged content of the files that exist. Raises ConfigError for one that cannot be read."""
    return Kubeconfig([(path, _read(path)) for path in paths if path.exists()])


def in_cluster(environment: Mapping[str, str], mounted: Path = SERVICE_ACCOUNT) -> Connection | None:
    """The connection of a pod to the server it runs under; None outside of a pod."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    token, authority, namespace = mounted / "token", mounted / "ca.crt", mounted / "namespace"
    if not host or not port or not token.exists():
        return None
    return Connection(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace.read_text().strip() if namespace.exists() else "default",
        certificate_authority=authority.read_bytes() if authority.exists() else None,
        token_file=token,
    )


# --- writing ---------------------------------------------------------------------------------------------------------


def document(name: str, connection: Connection) -> dict[str, Any]:
    """A kubeconfig whose one cluster, user and context are all called `name`; it stands alone, with no other file."""
    cluster: dict[str, Any] = {"server": connection.server}
    if connection.certificate_authority:
        cluster["certificate-authority-data"] = _encoded(connection.certificate_authority)
    user: dict[str, Any] = {}
    if connection.client_certificate and connection.client_key:
        user["client-certificate-data"] = _encoded(connection.client_certificate)
        user["client-key-data"] = _encoded(connection.client_key)
    if connection.token:
        user["token"] = connection.token
    context = {"cluster": name, "user": name, "namespace": connection.namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }


def render(content: Mapping[str, Any]) -> str:
    """The text of a kubeconfig."""
    return yaml.safe_dump(dict(content), sort_keys=False)


def write_kubeconfig(path: Path, name: str, connection: Connection) -> None:
    """Writes a kubeconfig of its own, readable by its owner only, in one step. Raises OSError."""
    _replace(path, render(document(name, connection)))


def merge_kubeconfig(path: Path, name: str, connection: Connection, *, make_current: bool = False) -> None:
    """Adds cluster, user and context `name` to a file, or replaces those; all other entries and keys stay.

    The current context changes only when there is none or `make_current`. The file is locked against kubectl and
    replaced in one step; a link stays a link. Raises ConfigError, also when the file is locked, and OSError.
    """
    target = path.resolve()
    with _locked(target):
        content: dict[str, Any] = {**_read(target)} if target.exists() else {}
        for key, value in document(name, connection).items():
            if key in _SECTIONS:
                kept = [entry for entry in content.get(key) or () if entry.get("name") != name]
                content[key] = [*kept, *value]
            elif key != "current-context" or make_current or not content.get(key):
                content[key] = value
        _replace(target, render(content))


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = target.with_name(f"{target.name}.lock")  # the name kubectl uses
    try:
        lock.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise ConfigError(f"{target} is locked by another program; if none runs, remove {lock}") from None
    try:
        yield
    finally:
        lock.unlink()


def _replace(target: Path, text: str) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = target.stat() if target.exists() else None
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            if before is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode) & 0o700)
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"kubeconfig {path}: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"kubeconfig {path} is not a map")
    for section in _SECTIONS:
        entries = content.get(section) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ConfigError(f"kubeconfig {path}: {section} is not a list of named entries")
    return content


def _absolute(body: Mapping[str, Any], names: Sequence[str], directory: Path) -> dict[str, Any]:
    paths = {name: str(directory / body[name]) for name in names if body.get(name)}
    return {**body, **paths}


def _content(body: Mapping[str, Any], name: str) -> bytes | None:
    """The inline data goes before the file."""
    data, path = body.get(f"{name}-data"), body.get(name)
    if data:
        return decoded(str(data), f"{name}-data of the kubeconfig")
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{name} {path}: {error.strerror}") from error


def _plugin(body: Mapping[str, Any]) -> ExecPlugin:
    return ExecPlugin(
        command=str(body.get("command") or ""),
        args=tuple(str(argument) for argument in body.get("args") or ()),
        env={str(variable["name"]): str(variable["value"]) for variable in body.get("env") or ()},
        api_version=str(body.get("apiVersion") or ""),
        provide_cluster_info=bool(body.get("provideClusterInfo")),
        install_hint=str(body.get("installHint") or "").strip(),
    )


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
