"""The command line as its users call it: processes, their output, their exit codes. Pods are simulated."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from petset.cli.server_record import ServerRecord, read_record

ROOT = Path(__file__).parents[2]
WEB = str(ROOT / "examples" / "web.yaml")
SECONDS = 40


@dataclass(frozen=True)
class Petset:
    """The command line on one data directory."""

    data: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "petset.cli", *words],
            env={**os.environ, "PETSET_DATA_DIR": str(self.data), "COLUMNS": "200"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int = 0, stdin: str = "") -> str:
        """Runs a command to its end; stdout, or stderr for one that has to fail. Nobody ever sees a traceback."""
        with self.start(*words) as process:
            out, err = process.communicate(stdin, SECONDS)
        assert "Traceback" not in out + err
        assert process.returncode == code, out + err
        return err if code else out

    def up(self, *words: str, code: int = 0, stdin: str = "") -> str:
        return self.run("up", "--runtime", "simulated", "--detach", *words, code=code, stdin=stdin)

    @property
    def record(self) -> ServerRecord:
        record = read_record(self.data / "server.json")
        assert record is not None
        return record

    def kill(self) -> None:
        """Ends what a test has left."""
        with suppress(AssertionError, ProcessLookupError):
            if self.record.running:
                os.kill(self.record.pid, signal.SIGKILL)


@pytest.fixture
def petset(tmp_path: Path) -> Iterator[Petset]:
    made = Petset(tmp_path / "data")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Petset]:
    """A server with the pods of the example, for tests that leave it as it was."""
    made = Petset(tmp_path_factory.mktemp("cli") / "data")
    made.up("-f", WEB)
    yield made
    made.kill()


def happened(output: str, *patterns: str) -> None:
    """Asserts that lines of these patterns stand in the output in this order."""
    place = 0
    for pattern in patterns:
        found = re.compile(pattern).search(output, place)
        assert found, f"{pattern!r} is not in, or not at this place of:\n{output}"
        place = found.end()


# --- up and down ------------------------------------------------------------------------------------------------------


def test_up_tells_the_story_and_down_tells_it_backwards(petset: Petset) -> None:
    output = petset.up("-f", WEB)
    happened(output, r"API ready \(\d\.\d\d s\) at https://127\.0\.0\.1:\d+", "statefulset.apps/web created")
    for number in range(3):
        happened(output, f"web-{number} created", f"web-{number} running", rf"web-{number} ready \(\d\.\d\d s\)")
        happened(output, rf"claim www-web-{number} bound to {petset.data}/volumes/\S+")
    happened(output, "web-0 ready", "web-1 created", "web-1 ready", "web-2 created")
    happened(output, "POD +READY", r"web-2 .*web-2\.nginx\.default\.svc\.cluster\.local", "kubeconfig: ", "Try next:")
    gone = petset.run("down")
    happened(gone, "web-2 gone", "web-1 gone", "web-0 gone", "petset has ended", r"3 volumes stay in")
    assert not (petset.data / "server.json").exists()


def test_what_is_secret_is_for_its_owner_only(shared: Petset) -> None:
    for name, mode in ((".", 0o700), ("kubeconfig", 0o600), ("server.json", 0o600)):
        assert stat.S_IMODE((shared.data / name).stat().st_mode) == mode, name


def test_the_next_up_brings_the_sets_back_on_their_volumes(petset: Petset) -> None:
    petset.up("-f", WEB)
    before = sorted((petset.data / "volumes" / "default").iterdir())
    petset.run("down")
    petset.up("--no-wait")
    petset.run("rollout", "status", "sts/web")  # it does not take the status of before for the present one
    happened(petset.run("get", "pods"), "web-0 +1/1 +Running", "web-1 +1/1 +Running", "web-2 +1/1 +Running")
    assert sorted((petset.data / "volumes" / "default").iterdir()) == before


def test_down_deletes_volumes_only_when_asked(petset: Petset) -> None:
    petset.up("-f", WEB)
    volumes = petset.data / "volumes" / "default"
    petset.run("down")
    assert len(list(volumes.iterdir())) == 3
    happened(petset.run("down", "--delete-volumes"), "petset is not running", "volume .* deleted")
    assert list(volumes.iterdir()) == []


def test_down_where_nothing_runs_does_no_harm(petset: Petset) -> None:
    assert "petset is not running" in petset.run("down")


def test_down_does_not_wait_for_a_server_that_was_killed_under_it(petset: Petset) -> None:
    petset.up("-f", WEB)
    pid = petset.record.pid
    os.kill(pid, signal.SIGSTOP)  # it answers nobody, so that `down` is still asking when it ends
    with petset.start("down") as down:
        os.kill(pid, signal.SIGKILL)
        _, err = down.communicate(timeout=SECONDS)
    # 0 when it came too late to ask: it then had the server run again, to end the pods
    assert "the server ended before its pods" in err if down.returncode else not err
    petset.run("down")
    assert read_record(petset.data / "server.json") is None


def test_up_fails_when_the_server_it_waits_on_is_killed(petset: Petset) -> None:
    petset.up("-f", WEB)
    nowhere = Path(WEB).read_text().replace("containers:", "nodeSelector: {nowhere: here}\n      containers:")
    with petset.start("up", "--detach", "-f", "-") as up:
        assert up.stdin is not None
        up.stdin.write(nowhere.replace("name: web\nspec", "name: lost\nspec"))
        up.stdin.close()
        assert up.stdout is not None
        while "lost created" not in up.stdout.readline():
            assert up.poll() is None
        os.kill(petset.record.pid, signal.SIGKILL)
        assert up.wait(SECONDS) == 1


def test_up_again_only_applies(shared: Petset) -> None:
    before = shared.record
    happened(shared.up("-f", WEB), "petset runs already", "service/nginx unchanged", "statefulset.apps/web unchanged")
    assert shared.record == before


def test_up_again_with_other_options_is_refused(shared: Petset) -> None:
    assert "not example.org" in shared.up("--cluster-domain", "example.org", code=1)


def test_a_second_server_on_the_same_directory_is_refused(shared: Petset) -> None:
    said = shared.run("serve", "--runtime", "simulated", code=1)
    assert f"another petset (pid {shared.record.pid}) serves {shared.data}; use --data-dir for a second one" in said


def test_up_applies_what_stdin_says_and_need_not_wait(petset: Petset) -> None:
    output = petset.up("--no-wait", "-f", "-", stdin=Path(WEB).read_text())
    happened(output, "statefulset.apps/web created", "kubeconfig: ")
    assert "POD " not in output


def test_up_runs_pods_in_a_namespace_of_the_same_manifest(petset: Petset) -> None:
    space = "{apiVersion: v1, kind: Namespace, metadata: {name: fresh}}"
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: alone%s}, spec: {containers: [{name: main, image: nginx}]}}"
    pods = [pod % "", pod % ", namespace: fresh"]
    output = petset.up("--no-wait", "-f", "-", stdin="\n---\n".join([*pods, space]))
    happened(output, "namespace/fresh created", "pod/alone created", "pod/alone created")


def test_up_says_what_is_missing_when_it_takes_too_long(petset: Petset) -> None:
    nowhere = Path(WEB).read_text().replace("      containers:", "      nodeSelector: {disk: none}\n      containers:")
    said = petset.up("--timeout", "2s", "-f", "-", code=1, stdin=nowhere)
    happened(said, "not ready after 2.00 s", "statefulset web: 0 of 3 pods ready", "web-0: not scheduled")
    assert petset.record.running, "petset goes on trying"


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        ("a: [", "standard input is not valid YAML"),
        ("{apiVersion: v1, kind: Nonsense, metadata: {name: x}}", 'standard input: no matches for kind "Nonsense"'),
        ("# nothing but a comment", "no objects passed to apply"),
    ],
)
def test_up_reads_the_manifests_before_it_starts_anything(petset: Petset, stdin: str, message: str) -> None:
    assert message in petset.up("-f", "-", code=1, stdin=stdin)
    assert not petset.data.exists()


def test_what_the_server_refuses_is_said_and_the_server_goes_on(shared: Petset) -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: []}}"
    other = "{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}"
    said = shared.up("-f", "-", code=1, stdin=f"{other}\n---\n{pod}")
    happened(said, "standard input, document 2: ", "spec.containers: Required value", "goes on in the background")
    happened(shared.run("apply", "-f", "-", code=1, stdin=pod), "standard input: ", "spec.containers: Required value")


def test_an_address_that_is_taken_is_refused(shared: Petset, petset: Petset) -> None:
    assert "another program listens there" in petset.up("--listen", shared.record.address, code=1)


@pytest.mark.skipif(os.geteuid() != 0, reason="without root it is root that is missing")
@pytest.mark.skipif(Path("/var/run/docker.sock").exists(), reason="there is an engine")
def test_up_says_that_there_is_no_engine_and_leaves_nothing_to_end(petset: Petset) -> None:
    said = petset.run("up", "--runtime", "docker", "--detach", code=1)
    assert "no Docker engine answers" in said
    assert "petset is not running" in petset.run("down")


def test_without_a_wish_another_port_is_found(shared: Petset, petset: Petset) -> None:
    petset.up()
    assert petset.record.address != shared.record.address


# --- up in the foreground ---------------------------------------------------------------------------------------------


@pytest.fixture
def foreground(petset: Petset) -> Iterator[subprocess.Popen[str]]:
    """`petset up` that stays, once it says so."""
    with petset.start("up", "--runtime", "simulated", "-f", WEB) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("petset is running"):
                break
        yield process
        process.kill()


def test_ctrl_c_ends_everything_in_order(petset: Petset, foreground: subprocess.Popen[str]) -> None:
    foreground.send_signal(signal.SIGINT)
    output, errors = foreground.communicate(timeout=SECONDS)
    happened(output, "web-2 gone", "web-1 gone", "web-0 gone", "petset has ended")
    assert (foreground.returncode, errors) == (0, "")


def test_a_second_ctrl_c_leaves_at_once(petset: Petset, foreground: subprocess.Popen[str]) -> None:
    held = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "held", "finalizers": ["example.org/hold"]}}
    pod = {**held, "spec": {"containers": [{"name": "main", "image": "busybox"}]}}
    petset.run("apply", "-f", "-", stdin=json.dumps(pod))
    foreground.send_signal(signal.SIGINT)
    assert foreground.stdout is not None
    assert any("web-0 gone" in line for line in foreground.stdout), "the pod with the finalizer stays"
    foreground.send_signal(signal.SIGINT)
    _, errors = foreground.communicate(timeout=SECONDS)
    assert foreground.returncode == 1
    assert "left at once" in errors
    assert petset.record.running


def test_sigterm_ends_the_server_alone(petset: Petset, foreground: subprocess.Popen[str]) -> None:
    record = petset.record
    foreground.send_signal(signal.SIGTERM)
    output, errors = foreground.communicate(timeout=SECONDS)
    assert "its pods live on" in output
    assert (foreground.returncode, errors) == (0, "")
    assert not record.running
    ended = petset.run("down")
    happened(ended, "petset was ended without its pods; it runs again to end them", "web-0 gone", "petset has ended")


def test_a_server_that_is_killed_is_told_of(petset: Petset, foreground: subprocess.Popen[str]) -> None:
    os.kill(petset.record.pid, signal.SIGKILL)
    _, errors = foreground.communicate(timeout=SECONDS)
    assert foreground.returncode == 1
    happened(errors, "the server ended unexpectedly", "the whole log: ")
    happened(petset.up(), "web-2 +1/1 +Running")


def test_down_from_elsewhere_ends_a_foreground(petset: Petset, foreground: subprocess.Popen[str]) -> None:
    petset.run("down")
    output, _ = foreground.communicate(timeout=SECONDS)
    assert foreground.returncode == 0
    assert "petset has ended, and its pods with it" in output


# --- what needs no kubectl --------------------------------------------------------------------------------------------


def test_get(shared: Petset) -> None:
    happened(shared.run("get", "pods"), "NAME +READY +STATUS", r"web-0 +1/1 +Running", "web-1", "web-2")
    happened(shared.run("get", "po", "-o", "wide", "-A"), "NAMESPACE +NAME .*NODE", r"default +web-0")
    assert shared.run("get", "pods", "-o", "name") == "pod/web-0\npod/web-1\npod/web-2\n"
    assert shared.run("get", "sts", "-l", "app=none") == ""
    happened(shared.run("get", "sts,svc"), "statefulset.apps/web +3/3", "service/nginx")
    assert json.loads(shared.run("get", "sts/web", "-o", "json"))["spec"]["replicas"] == 3
    assert "kind: StatefulSet\n" in shared.run("get", "sts", "web", "-o", "yaml")


def test_what_is_not_there_is_a_failure(shared: Petset) -> None:
    assert 'Error from server (NotFound): pods "nope" not found' in shared.run("get", "pod", "nope", code=1)
    assert 'have a resource type "foo"' in shared.run("get", "foo", code=1)
    assert 'pods "nope" not found' in shared.run("logs", "nope", code=1)
    assert 'pods "nope" not found' in shared.run("exec", "nope", "--", "true", code=1)
    assert 'pods "nope" not found' in shared.run("delete", "pod", "nope", code=1)
    assert shared.run("delete", "pod", "nope", "--ignore-not-found") == ""


def test_watch_prints_what_changes(shared: Petset) -> None:
    with shared.start("get", "pods", "--watch") as process:
        assert process.stdout is not None
        shown = (line.split() for line in process.stdout)
        assert next(shown)[0] == "NAME"
        assert any(line[0] == "web-2" for line in shown)
        shared.run("delete", "pod", "web-2")
        assert any(line[0] == "web-2" and line[2] == "Terminating" for line in shown)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
    shared.run("rollout", "status", "sts/web")


def test_scale_rollout_and_apply(petset: Petset) -> None:
    petset.up("-f", WEB)
    assert petset.run("scale", "sts/web", "--replicas", "1") == "statefulset.apps/web scaled\n"
    happened(petset.run("rollout", "status", "web"), "1 pods at revision")
    assert petset.run("rollout", "restart", "sts", "web") == "statefulset.apps/web restarted\n"
    happened(petset.run("rollout", "status", "sts/web", "--timeout", "20s"), "statefulset rolling update complete")
    happened(petset.run("rollout", "history", "sts/web"), "REVISION +CHANGE-CAUSE", "1 +<none>", "2 +<none>")
    assert petset.run("rollout", "undo", "sts/web", "--to-revision", "1") == "statefulset.apps/web rolled back\n"
    assert "skipped rollback" in petset.run("rollout", "undo", "sts/web", "--to-revision", "3")
    assert "unable to find" in petset.run("rollout", "undo", "sts/web", "--to-revision", "9", code=1)
    assert "statefulset.apps/web configured" in petset.run("apply", "-f", WEB), "what petset scaled, petset may change"
    assert json.loads(petset.run("get", "sts/web", "-o", "json"))["spec"]["replicas"] == 3


def test_delete_waits_until_things_are_gone(petset: Petset) -> None:
    petset.up("-f", WEB)
    assert petset.run("delete", "sts/web", "--cascade", "orphan") == (
        'statefulset.apps "web" deleted from default namespace\n'
    )
    assert petset.run("get", "pods", "-o", "name").split() == ["pod/web-0", "pod/web-1", "pod/web-2"]
    petset.run("delete", "pods", "--all", "--now")
    assert petset.run("get", "pods", "-o", "name") == ""
    petset.run("delete", "-f", WEB, "--ignore-not-found")
    assert petset.run("get", "svc", "-o", "name") == "service/kubernetes\n"


def test_logs_and_exec(shared: Petset) -> None:
    assert "nginx:1.7.9 runs in a simulation" in shared.run("logs", "web-0")
    assert len(shared.run("logs", "pod/web-0", "--tail", "1", "--timestamps").splitlines()) == 1
    assert shared.run("exec", "web-0", "--", "echo", "--hi").strip() == "echo --hi"


def test_status_and_kubeconfig(shared: Petset, tmp_path: Path) -> None:
    happened(
        shared.run("status"), rf"\(pid {shared.record.pid}\) at https://", "runtime simulated", "web-0 .*www-web-0"
    )
    assert shared.run("kubeconfig") == (shared.data / "kubeconfig").read_text()


def test_merging_keeps_what_the_user_has(shared: Petset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "kube" / "config"
    monkeypatch.setenv("KUBECONFIG", str(mine))
    assert "is the current one" in shared.run("kubeconfig", "--merge")
    assert "current-context: petset" in mine.read_text()


def test_without_a_server_commands_say_how_to_get_one(petset: Petset) -> None:
    for words in (["status"], ["get", "pods"], ["logs", "web-0"]):
        assert "start it with petset up" in petset.run(*words, code=1)
    assert "start one with petset up" in petset.run("kubeconfig", code=1)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["get"],
        ["up", "--runtime", "lxc"],
        ["up", "--listen", "6443"],
        ["up", "--timeout", "5 minutes"],
        ["get", "pods", "-o", "xml"],
        ["delete", "pods"],
        ["scale", "sts/web"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(petset: Petset, words: list[str]) -> None:
    petset.run(*words, code=2)


def test_version(petset: Petset) -> None:
    assert petset.run("version").startswith("petset 0.")
    assert set(json.loads(petset.run("version", "--json"))) == {"petset", "kubernetes", "python"}
