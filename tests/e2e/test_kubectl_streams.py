"""kubectl's ways into a container: logs, exec, attach, cp, run."""

import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.conftest import kubectl_namespace
from tests.e2e.kubectl import Kubectl
from tests.e2e.manifests import PATIENT, container, pod
from tests.e2e.server import BUSYBOX, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

CHATTY = f"for n in 1 2 3; do echo line $n; done; echo error >&2; {PATIENT}"


def says(words: str, text: str) -> bool:
    return words in text


@pytest.fixture(scope="module")
def busy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl in a namespace with a pod of two containers, one of which has written something."""
    with kubectl_namespace(server, tmp_path_factory) as kubectl:
        init = {**container("echo prepared"), "name": "init"}
        side = {**container(f"echo from the side; {PATIENT}"), "name": "side"}
        kubectl.apply(pod("busy", container(CHATTY), side, initContainers=[init]))
        kubectl.apply(pod("crashing", container("echo attempt $(date +%s%N); sleep 0.5; exit 1")))
        kubectl("wait", "--for=condition=Ready", "pod/busy", "--timeout=60s")
        for name, last in (("main", "error"), ("side", "from the side")):  # a pod may be ready before it has spoken
            with kubectl.following("logs", "-f", "busy", "-c", name) as output:
                output.until(partial(says, last))
        yield kubectl


@pytest.fixture(params=["WebSocket", "SPDY"])
def carrier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What carries exec: SPDY with kubectl before 1.30, and with many programs written in Go."""
    monkeypatch.setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", str(request.param == "WebSocket").lower())


# --- logs ------------------------------------------------------------------------------------------------------------


def test_logs(busy: Kubectl) -> None:
    assert busy("logs", "busy", "-c", "main") == "line 1\nline 2\nline 3\nerror\n"
    assert busy("logs", "busy", "-c", "main", "--tail=2") == "line 3\nerror\n"
    assert busy("logs", "busy", "-c", "init") == "prepared\n"
    assert busy("logs", "busy", "-c", "main", "--limit-bytes=8") == "line 1\nl"
    stamped = busy("logs", "busy", "-c", "main", "--tail=1", "--timestamps")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z error\n", stamped)
    assert busy("logs", "busy", "-c", "main", "--since=1h").startswith("line 1\n")
    assert busy("logs", "busy", "-c", "main", "--since-time=2999-01-01T00:00:00Z") == ""
    every = busy("logs", "busy", "--all-containers", "--prefix").splitlines()
    assert {"[pod/busy/init] prepared", "[pod/busy/main] line 1", "[pod/busy/side] from the side"} <= set(every)


def test_logs_name_what_is_missing(busy: Kubectl) -> None:
    assert busy.run("logs", "busy").stderr == 'Defaulted container "main" out of: main, side, init (init)\n'
    assert busy.fails("logs", "busy", "-c", "no").startswith("error: container no is not valid for pod busy")
    absent = f'error: error from server (NotFound): pods "no" not found in namespace "{busy.namespace}"\n'
    assert busy.fails("logs", "no") == absent


def test_logs_follow(busy: Kubectl) -> None:
    with busy.following("logs", "-f", "busy", "-c", "side", "--since=1h") as output:
        output.until(lambda text: "from the side" in text)
        busy("exec", "busy", "-c", "side", "--", "sh", "-c", "echo more > /proc/1/fd/1")
        output.until(lambda text: "more" in text)


def test_logs_of_the_container_before(busy: Kubectl) -> None:
    busy("wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/crashing", "--timeout=60s")
    assert busy("logs", "crashing", "--previous").startswith("attempt ")
    complaint = busy.fails("logs", "busy", "-c", "main", "--previous")
    assert complaint == (
        'Error from server (BadRequest): previous terminated container "main" in pod "busy" not found\n'
    )


# --- exec and attach -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("carrier")
def test_exec(busy: Kubectl) -> None:
    done = busy.run("exec", "busy", "-c", "main", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert done.stderr == "err\ncommand terminated with exit code 3\n"
    assert busy("exec", "-i", "busy", "-c", "main", "--", "wc", "-c", stdin="x" * 300_000) == "300000\n"
    assert busy("exec", "busy", "-c", "main", "--", "hostname") == "busy\n"
    assert 'Error from server (NotFound): pods "no" not found' in busy.fails("exec", "no", "--", "true")
    assert busy.run("exec", "busy", "-c", "main", "--", "no-such-command").returncode in {126, 127}
    assert len(busy("exec", "busy", "-c", "main", "--", "head", "-c", "3000000", "/dev/zero")) == 3_000_000


@pytest.mark.usefixtures("carrier")
def test_exec_says_why_it_cannot(busy: Kubectl) -> None:
    busy.apply(pod("waiting", {**container(), "imagePullPolicy": "Never", "image": "no-such-image"}))
    busy("wait", "--for=jsonpath={.status.containerStatuses[0].state.waiting}", "pod/waiting", "--timeout=60s")
    for command in (["exec", "waiting", "--", "true"], ["attach", "waiting"]):
        assert 'container not found ("main")' in busy.fails(*command)


@pytest.mark.usefixtures("carrier")
def test_exec_at_a_terminal(busy: Kubectl) -> None:
    with busy.terminal("exec", "-it", "busy", "-c", "main", "--", "sh") as terminal:
        terminal.until(lambda text: "# " in text)
        terminal.write("tty && echo $((6*7)) && stty size\n")
        terminal.until(lambda text: "/dev/pts/" in text and "\r\n42\r\n" in text)
        terminal.until(lambda text: "\r\n50 132\r\n" in text)
        # what says so is what the interrupt is for: not the shell, in the middle of starting it
        terminal.write("sh -c 'echo begun; exec sleep 100'\n")
        terminal.until(lambda text: "\r\nbegun\r\n" in text)
        terminal.write("\x03")
        # what is typed before the interrupt has been echoed is lost with it
        terminal.until(lambda text: "^C" in text and "# " in text.rpartition("^C")[2])
        terminal.write("exit 5\n")
        terminal.until(lambda text: "exit code 5" in text)
        assert terminal.code() == 5


def test_attach(busy: Kubectl) -> None:
    with busy.following("attach", "busy", "-c", "side") as output:
        # what is written before kubectl is attached is lost, so it is written until some of it arrives
        script = "for i in $(seq 200); do echo seen > /proc/1/fd/1; sleep 0.3; done"
        with busy.following("exec", "busy", "-c", "side", "--", "sh", "-c", script):
            output.until(lambda text: "seen" in text)


def test_run_with_stdin(busy: Kubectl) -> None:
    options = [f"--image={BUSYBOX}", "--restart=Never", "--rm", "-i", "--quiet"]
    done = busy.run("run", "once", *options, "--", "sh", "-c", "read word; echo got $word", stdin="hello\n")
    assert done.returncode == 0, done.stderr
    assert "got hello\n" in done.stdout
    assert busy.fails("get", "pod", "once") == 'Error from server (NotFound): pods "once" not found\n'


@pytest.mark.parametrize("script", ["read word; echo got $word; exit 3", "exit 3"], ids=["later", "at once"])
def test_run_ends_as_its_pod_does(busy: Kubectl, script: str) -> None:
    options = [f"--image={BUSYBOX}", "--restart=Never", "--rm", "-i", "--quiet"]
    done = busy.run("run", "fails", *options, "--", "sh", "-c", script, stdin="hello\n")
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("got hello\n") == script.count("echo")
    assert busy.fails("get", "pod", "fails") == 'Error from server (NotFound): pods "fails" not found\n'


def test_run_with_a_terminal(busy: Kubectl) -> None:
    with busy.terminal("run", "shell", f"--image={BUSYBOX}", "--restart=Never", "--rm", "-it", "--", "sh") as terminal:
        terminal.write("\n")
        terminal.until(lambda text: "# " in text)
        terminal.write("hostname; exit\n")
        terminal.until(lambda text: "\r\nshell\r\n" in text)
        terminal.until(lambda text: 'pod "shell" deleted' in text)


# --- cp --------------------------------------------------------------------------------------------------------------


def test_cp_both_ways(busy: Kubectl, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    (there / "deep").mkdir(parents=True)
    (there / "deep" / "text").write_text("hello\n")
    (there / "bytes").write_bytes(bytes(range(256)) * 4000)
    busy("cp", str(there), "busy:/tmp/there", "-c", "main")
    assert busy("exec", "busy", "-c", "main", "--", "cat", "/tmp/there/deep/text") == "hello\n"
    busy("cp", "busy:/tmp/there", str(back), "-c", "main")
    assert subprocess.run(["diff", "-r", there, back], check=False).returncode == 0
    busy("cp", f"{busy.namespace}/busy:/tmp/there/bytes", str(tmp_path / "one"), "-c", "main")
    assert (tmp_path / "one").read_bytes() == (there / "bytes").read_bytes()
