import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from petset.client.connection import Connection
from petset.client.errors import ConfigError
from petset.client.execplugin import ExecPlugin
from petset.client.kubeconfig import (
    default_paths,
    in_cluster,
    merge_kubeconfig,
    read_kubeconfig,
    write_kubeconfig,
)

OURS = Connection(
    server="https://127.0.0.1:6443",
    certificate_authority=b"CA",
    client_certificate=b"CERT",
    client_key=b"KEY",
)
CONTEXT = "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"


def config(directory: Path, name: str = "config", **content: Any) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **content}))
    return path


def one(directory: Path, cluster: dict[str, Any], user: dict[str, Any], **context: Any) -> Path:
    return config(
        directory,
        clusters=[{"name": "c", "cluster": cluster}],
        users=[{"name": "u", "user": user}],
        contexts=[{"name": "x", "context": {"cluster": "c", "user": "u", **context}}],
        **{"current-context": "x"},
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_current_context_becomes_a_connection(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.crt").write_bytes(b"CA")
    cluster = {"server": "https://k8s:6443/", "certificate-authority": "pki/ca.crt", "tls-server-name": "kube"}
    user = {"client-certificate-data": "Q0VSVA==", "client-key-data": "S0VZ"}
    path = one(tmp_path, cluster, user, namespace="shop")
    assert read_kubeconfig([path]).connection() == Connection(
        server="https://k8s:6443",
        namespace="shop",
        certificate_authority=b"CA",
        tls_server_name="kube",
        client_certificate=b"CERT",
        client_key=b"KEY",
    )


def test_inline_data_goes_before_a_file(tmp_path: Path) -> None:
    cluster = {"server": "s", "certificate-authority": "absent", "certificate-authority-data": "Q0E="}
    assert read_kubeconfig([one(tmp_path, cluster, {})]).connection().certificate_authority == b"CA"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"token": "t"}, {"token": "t"}),
        ({"username": "u", "password": "p"}, {"username": "u", "password": "p"}),
        ({"tokenFile": "/run/token"}, {"token_file": Path("/run/token")}),
        (
            {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "get-token",
                    "args": ["--for", 5],
                    "env": [{"name": "A", "value": "b"}],
                    "provideClusterInfo": True,
                    "installHint": "install it",
                }
            },
            {
                "exec_plugin": ExecPlugin(
                    "get-token",
                    ("--for", "5"),
                    {"A": "b"},
                    "client.authentication.k8s.io/v1",
                    provide_cluster_info=True,
                    install_hint="install it",
                )
            },
        ),
    ],
)
def test_every_kind_of_user_is_understood(tmp_path: Path, user: dict[str, Any], expected: dict[str, Any]) -> None:
    path = one(tmp_path, {"server": "https://k", "insecure-skip-tls-verify": True}, user)
    expected = {"server": "https://k", "insecure_skip_tls_verify": True, **expected}
    assert read_kubeconfig([path]).connection() == Connection(**expected)


def test_of_several_files_the_first_to_define_a_name_wins(tmp_path: Path) -> None:
    first = config(
        tmp_path,
        "first",
        clusters=[{"name": "c", "cluster": {"server": "https://first"}}],
        contexts=[{"name": "a", "context": {"cluster": "c"}}],
    )
    second = config(
        tmp_path,
        "second",
        clusters=[{"name": "c", "cluster": {"server": "https://second"}}],
        contexts=[{"name": "b", "context": {"cluster": "c"}}],
        **{"current-context": "b"},
    )
    merged = read_kubeconfig([first, tmp_path / "absent", second])
    assert merged.contexts == ["a", "b"]
    assert merged.connection().server == "https://first"
    assert merged.connection("a").server == "https://first"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "no current context"),
        ("current-context: x", "no context 'x'"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "no cluster 'c'"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c}]", "has no server"),
        ("- a list", "not a map"),
        ("clusters: {}\nusers: {a: b}", "users is not a list"),
        ("a: [", "while parsing"),
        (
            CONTEXT + "clusters: [{name: c, cluster: {server: s, certificate-authority-data: '***'}}]",
            "not base64",
        ),
        (
            CONTEXT + "clusters: [{name: c, cluster: {server: s, certificate-authority: absent.crt}}]",
            "absent.crt",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_kubeconfig([path]).connection()


def test_kubeconfigs_are_where_kubectl_looks() -> None:
    assert default_paths({}, Path("/home/me")) == [Path("/home/me/.kube/config")]
    assert default_paths({"KUBECONFIG": "/a::/b"}, Path("/home/me")) == [Path("/a"), Path("/b")]


def test_inside_a_pod_the_service_account_is_used(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    assert in_cluster(environment, tmp_path) is None
    (tmp_path / "token").write_text("t")
    (tmp_path / "namespace").write_text("shop")
    assert in_cluster({}, tmp_path) is None
    found = in_cluster(environment, tmp_path)
    assert found == Connection(server="https://10.0.0.1:443", namespace="shop", token_file=tmp_path / "token")
    found = in_cluster({**environment, "KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path)
    assert found is not None
    assert found.server == "https://[fd00::1]:443"


def test_what_is_written_is_private_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "run" / "kubeconfig"
    write_kubeconfig(path, "petset", OURS)
    assert mode(path) == 0o600
    assert mode(path.parent) & 0o077 == 0 or path.parent == tmp_path
    assert read_kubeconfig([path]).connection() == OURS
    assert [p.name for p in path.parent.iterdir()] == ["kubeconfig"]


def test_merging_loses_nothing_of_what_is_there(tmp_path: Path) -> None:
    before: dict[str, Any] = {
        "clusters": [{"name": "prod", "cluster": {"server": "https://prod", "extensions": [{"name": "e"}]}}],
        "users": [{"name": "me", "user": {"auth-provider": {"name": "gcp"}}}],
        "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "me"}}],
        "current-context": "prod",
        "preferences": {"colors": True},
        "extensions": [{"name": "mine", "extension": {"a": 1}}],
    }
    path = config(tmp_path, **before)
    merge_kubeconfig(path, "petset", OURS)
    after = yaml.safe_load(path.read_text())
    for key, value in before.items():
        assert after[key][: len(value)] == value if isinstance(value, list) else after[key] == value
    merged = read_kubeconfig([path])
    assert merged.contexts == ["prod", "petset"]
    assert merged.connection("petset") == OURS
    assert mode(path) & 0o077 == 0


def test_merging_again_replaces_ones_own_entries_only(tmp_path: Path) -> None:
    path = one(tmp_path, {"server": "https://other"}, {"token": "t"})
    merge_kubeconfig(path, "petset", Connection(server="https://old"))
    merge_kubeconfig(path, "petset", OURS, make_current=True)
    merged = read_kubeconfig([path])
    assert merged.contexts == ["x", "petset"]
    assert merged.current_context == "petset"
    assert merged.connection() == OURS
    assert merged.connection("x").server == "https://other"


def test_merging_into_nothing_makes_a_private_file_with_a_current_context(tmp_path: Path) -> None:
    path = tmp_path / ".kube" / "config"
    merge_kubeconfig(path, "petset", OURS)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert read_kubeconfig([path]).connection() == OURS


def test_a_linked_config_stays_a_link(tmp_path: Path) -> None:
    real = one(tmp_path / "dotfiles", {"server": "https://other"}, {})
    link = tmp_path / "config"
    link.symlink_to(real)
    merge_kubeconfig(link, "petset", OURS)
    assert link.is_symlink()
    assert read_kubeconfig([real]).contexts == ["x", "petset"]


def test_a_config_locked_by_kubectl_is_left_alone(tmp_path: Path) -> None:
    path = one(tmp_path, {"server": "https://other"}, {})
    before = path.read_text()
    (tmp_path / "config.lock").touch()
    with pytest.raises(ConfigError, match=r"config\.lock"):
        merge_kubeconfig(path, "petset", OURS)
    assert path.read_text() == before
    assert (tmp_path / "config.lock").exists()


def test_a_broken_config_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("a: [")
    with pytest.raises(ConfigError):
        merge_kubeconfig(path, "petset", OURS)
    assert path.read_text() == "a: ["
    assert [p.name for p in tmp_path.iterdir()] == ["config"]
