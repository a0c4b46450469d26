import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest

from petset.client.connection import Connection, Credentials
from petset.client.errors import ConfigError
from petset.client.execplugin import ExecPlugin
from petset.testing.clock import VirtualClock

V1 = "client.authentication.k8s.io/v1"


def plugin(tmp_path: Path, program: str, *, provide_cluster_info: bool = False) -> ExecPlugin:
    script = tmp_path / "plugin.py"
    script.write_text(dedent(program))
    return ExecPlugin(sys.executable, (str(script),), {"GREETING": "hi"}, V1, provide_cluster_info)


def prints(status: dict[str, str], api_version: str = V1) -> str:
    credential = {"apiVersion": api_version, "kind": "ExecCredential", "status": status}
    return f"print({msgspec.json.encode(credential).decode()!r})"


async def test_the_plugin_is_told_of_the_cluster_and_answers_a_credential(tmp_path: Path) -> None:
    asked = plugin(
        tmp_path,
        """
        import json, os
        info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
        assert info["kind"] == "ExecCredential" and info["spec"]["interactive"] is False
        token = os.environ["GREETING"] + " " + info["spec"]["cluster"]["server"]
        status = {"token": token, "clientCertificateData": "C", "clientKeyData": "K",
                  "expirationTimestamp": "2026-01-01T00:01:00Z"}
        print(json.dumps({"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": status}))
        """,
        provide_cluster_info=True,
    )
    credential = await asked.ask("https://k", b"CA")
    assert credential.token == "hi https://k"
    assert (credential.client_certificate, credential.client_key) == (b"C", b"K")
    assert credential.expires == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise SystemExit(3)", "failed with exit code 3"),
        ("print('no json')", "answered nonsense"),
        ("print('{}')", "answered nonsense"),
        (prints({}), "neither a token nor a certificate"),
        (prints({"token": "t", "expirationTimestamp": "soon"}), "answered nonsense"),
        (prints({"token": "t"}, "client.authentication.k8s.io/v1beta1"), "answered in .*v1beta1"),
    ],
)
async def test_a_plugin_that_fails_says_how(tmp_path: Path, program: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        await plugin(tmp_path, program).ask("https://k", None)


async def test_a_missing_plugin_says_how_to_get_it() -> None:
    with pytest.raises(ConfigError, match=r"(?s)no-such-program.*brew install"):
        await ExecPlugin("no-such-program", install_hint="brew install it").ask("https://k", None)


async def test_a_token_is_asked_for_again_when_it_has_expired(tmp_path: Path) -> None:
    clock = VirtualClock()
    expires = (clock.now() + timedelta(minutes=5)).isoformat()
    counting = plugin(
        tmp_path,
        f"""
        import json, pathlib
        count = pathlib.Path({str(tmp_path / "count")!r})
        count.write_text(count.read_text() + "x" if count.exists() else "x")
        status = {{"token": count.read_text(), "expirationTimestamp": {expires!r}}}
        print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": status}}))
        """,
    )
    credentials = Credentials(Connection(server="https://k", exec_plugin=counting), clock)
    seen = [await credentials.headers(), await credentials.headers()]
    await clock.advance(300)
    seen.append(await credentials.headers())
    assert [headers["Authorization"] for headers in seen] == ["Bearer x", "Bearer x", "Bearer xx"]
