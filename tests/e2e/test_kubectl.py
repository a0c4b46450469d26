"""What kubectl changes and waits for, and the words in which it says so."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.e2e.kubectl import Kubectl
from tests.e2e.manifests import PAGE, Tree, config_map, container, pod, service, stateful_set
from tests.e2e.server import BUSYBOX, NEWER_NGINX

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def ready_set(kubectl: Kubectl, replicas: int = 1, **spec: object) -> None:
    kubectl.apply(stateful_set(replicas, pod("web"), **spec))
    kubectl("rollout", "status", "sts/web", "--timeout=60s")


# --- apply, create, replace, edit, patch -----------------------------------------------------------------------------


def test_apply_from_the_client(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=PAGE).splitlines()[:2] == [
        "service/nginx created",
        "statefulset.apps/web created",
    ]
    before = kubectl.json("get", "sts", "web")["metadata"]["generation"]
    # kubectl sees the server's defaults in volumeClaimTemplates as a difference, with any Kubernetes
    assert kubectl("apply", "-f", "-", stdin=PAGE).splitlines() == [
        "service/nginx unchanged",
        "statefulset.apps/web configured",
        "storageclass.storage.k8s.io/my-storage-class unchanged",
    ]
    assert kubectl.json("get", "sts", "web")["metadata"]["generation"] == before
    changed = PAGE.replace("replicas: 3", "replicas: 1")
    assert "statefulset.apps/web configured\n" in kubectl("apply", "-f", "-", stdin=changed)
    assert kubectl("get", "sts", "web", "-o", "jsonpath={.spec.replicas}") == "1"
    assert "serverside-applied" not in kubectl("apply", "-f", "-", "--dry-run=server", stdin=PAGE)
    forbidden = PAGE.replace('serviceName: "nginx"', "serviceName: other")
    complaint = kubectl.fails("apply", "-f", "-", stdin=forbidden)
    assert (
        'The StatefulSet "web" is invalid: spec: Forbidden: updates to statefulset spec for fields other than'
        in complaint
    )


def test_apply_on_the_server(kubectl: Kubectl) -> None:
    tree = config_map("settings", color="blue")
    assert kubectl.apply(tree, "--server-side") == "configmap/settings serverside-applied\n"
    assert kubectl.apply(tree, "--server-side") == "configmap/settings serverside-applied\n"
    other = config_map("settings", color="red")
    complaint = kubectl.fails("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=yaml.safe_dump(other))
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.color' in complaint
    kubectl.apply(other, "--server-side", "--field-manager=other", "--force-conflicts")
    managers = kubectl.json("get", "cm", "settings", "--show-managed-fields")["metadata"]["managedFields"]
    assert {each["manager"]: each["operation"] for each in managers}["other"] == "Apply"
    kubectl.apply(config_map("settings", size="3"), "--server-side", "--field-manager=other")
    assert kubectl.json("get", "cm", "settings")["data"] == {"size": "3"}


def test_diff(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("settings", color="blue"))
    same = yaml.safe_dump(config_map("settings", color="blue"))
    assert kubectl("diff", "-f", "-", stdin=same) == ""
    changed = kubectl.run("diff", "-f", "-", stdin=same.replace("blue", "red"))
    assert changed.returncode == 1
    assert "-  color: blue\n+  color: red\n" in changed.stdout


def test_create(kubectl: Kubectl, tmp_path: Path) -> None:
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(yaml.safe_dump(pod("web")))
    assert kubectl("create", "-f", str(manifest)) == "pod/web created\n"
    assert kubectl.fails("create", "-f", str(manifest)) == (
        f'Error from server (AlreadyExists): error when creating "{manifest}": pods "web" already exists\n'
    )
    assert kubectl("create", "configmap", "settings", "--from-literal=color=blue") == "configmap/settings created\n"
    assert kubectl("create", "secret", "generic", "login", "--from-literal=pw=1") == "secret/login created\n"
    assert kubectl("get", "secret", "login", "-o", "jsonpath={.data.pw}") == "MQ=="
    assert kubectl("create", "serviceaccount", "robot") == "serviceaccount/robot created\n"
    assert kubectl("create", "service", "clusterip", "front", "--tcp=80") == "service/front created\n"
    assert kubectl.fails("create", "namespace", kubectl.namespace) == (
        f'Error from server (AlreadyExists): namespaces "{kubectl.namespace}" already exists\n'
    )
    generated = {**config_map("x"), "metadata": {"generateName": "some-"}}
    assert re.fullmatch(
        r"configmap/some-\w{5} created\n", kubectl("create", "-f", "-", stdin=yaml.safe_dump(generated))
    )
    assert "kind: Pod" in kubectl("run", "dry", f"--image={BUSYBOX}", "--dry-run=server", "-o", "yaml")


@pytest.mark.parametrize(
    ("tree", "complaint"),
    [
        ({"spec": {"replica": 3}}, 'strict decoding error: unknown field "spec.replica"'),
        ({"spec": {"replicas": -1}}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ({"metadata": {"name": "Web"}}, 'metadata.name: Invalid value: "Web": a lowercase RFC 1123'),
        ({"spec": {"replicas": "three"}}, 'in version "v1" cannot be handled as a StatefulSet'),
    ],
    ids=["unknown field", "negative", "bad name", "wrong type"],
)
def test_create_says_what_is_wrong(kubectl: Kubectl, tree: Tree, complaint: str) -> None:
    good = stateful_set(1, pod("web"))
    bad = {key: {**good[key], **tree.get(key, {})} if isinstance(good[key], dict) else good[key] for key in good}
    assert complaint in kubectl.fails("create", "-f", "-", stdin=yaml.safe_dump(bad))


def test_replace(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=yaml.safe_dump(config_map("settings", color="blue")))
    stale = kubectl("get", "cm", "settings", "-o", "yaml")
    changed = stale.replace("blue", "red")
    assert kubectl("replace", "-f", "-", stdin=changed) == "configmap/settings replaced\n"
    complaint = kubectl.fails("replace", "-f", "-", stdin=changed.replace("red", "green"))
    assert complaint == (
        'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps '
        '"settings": the object has been modified; please apply your changes to the latest version and try again\n'
    )
    kubectl("create", "-f", "-", stdin=yaml.safe_dump(pod("web")))
    old = kubectl("get", "pod", "web", "-o", "jsonpath={.metadata.uid}")
    assert 'pod "web" deleted' in kubectl("replace", "--force", "-f", "-", stdin=yaml.safe_dump(pod("web")))
    assert kubectl("get", "pod", "web", "-o", "jsonpath={.metadata.uid}") != old


def test_edit(kubectl: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl.apply(config_map("settings", color="blue"))
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/blue/red/")
    assert kubectl("edit", "configmap", "settings") == "configmap/settings edited\n"
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data.color}") == "red"
    unchanged = kubectl.run("edit", "configmap", "settings")
    assert unchanged.stderr == "Edit cancelled, no changes made.\n"
    kubectl.apply(stateful_set(0, pod("web")))
    monkeypatch.setenv("KUBE_EDITOR", "sed -i 's/replicas: 0/replicas: 1/'")
    assert kubectl("edit", "sts/web") == "statefulset.apps/web edited\n"


@pytest.mark.parametrize(
    ("type_", "patch"),
    [
        ("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"%s"}]}}}}'),
        ("merge", '{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"%s"}]}}}}'),
        ("json", '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"%s"}]'),
    ],
)
def test_patch(kubectl: Kubectl, type_: str, patch: str) -> None:
    kubectl.apply(stateful_set(0, pod("web")))
    assert kubectl("patch", "sts", "web", f"--type={type_}", "-p", patch % "a:1") == "statefulset.apps/web patched\n"
    main = kubectl.json("get", "sts", "web")["spec"]["template"]["spec"]["containers"][0]
    assert main["image"] == "a:1"
    assert ("command" in main) is (type_ != "merge")
    again = kubectl("patch", "sts", "web", f"--type={type_}", "-p", patch % "a:1")
    assert again == "statefulset.apps/web patched (no change)\n"


def test_label_and_annotate(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("settings"))
    assert kubectl("label", "cm", "settings", "tier=front") == "configmap/settings labeled\n"
    assert kubectl("label", "cm", "settings", "tier=front") == "configmap/settings not labeled\n"
    assert "'tier' already has a value (front), and --overwrite is false" in kubectl.fails(
        "label", "cm", "settings", "tier=back"
    )
    assert kubectl("label", "--overwrite", "cm", "settings", "tier=back") == "configmap/settings labeled\n"
    assert kubectl("label", "cm", "settings", "tier-") == "configmap/settings unlabeled\n"
    assert kubectl("annotate", "cm", "settings", "note=hello you") == "configmap/settings annotated\n"
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.metadata.annotations.note}") == "hello you"


# --- scale and rollout -----------------------------------------------------------------------------------------------


def test_scale(kubectl: Kubectl) -> None:
    ready_set(kubectl)
    assert kubectl("scale", "statefulset/web", "--replicas=2") == "statefulset.apps/web scaled\n"
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=2", "sts/web", "--timeout=60s")
    complaint = kubectl.fails("scale", "sts", "web", "--current-replicas=5", "--replicas=3")
    assert complaint == "error: Expected replicas to be 5, was 2\n"
    scale = json.loads(kubectl("get", "--raw", f"/apis/apps/v1/namespaces/{kubectl.namespace}/statefulsets/web/scale"))
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == ("Scale", {"replicas": 2}, "app=web")


def test_rollouts(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=PAGE)
    kubectl("annotate", "sts/web", "kubernetes.io/change-cause=the beginning")
    told = kubectl("rollout", "status", "sts/web", "--timeout=60s").splitlines()
    assert told[0] in {f"Waiting for {n} pods to be ready..." for n in (1, 2, 3)}
    assert told[-1] == "partitioned roll out complete: 3 new pods have been updated..."
    assert kubectl("set", "image", "sts/web", f"nginx={NEWER_NGINX}") == "statefulset.apps/web image updated\n"
    told = kubectl("rollout", "status", "sts/web", "--timeout=60s").splitlines()
    some = "Waiting for partitioned roll out to finish: {} out of 3 new pods have been updated..."
    assert {some.format(number) for number in range(3)} & set(told)
    assert told[-1] == "partitioned roll out complete: 3 new pods have been updated..."
    history = kubectl("rollout", "history", "sts/web").split("\n")
    assert history[:2] == ["statefulset.apps/web ", "REVISION  CHANGE-CAUSE"]
    assert [line.split()[0] for line in history[2:] if line] == ["1", "2"]
    assert f"Image:\t{NEWER_NGINX}" in kubectl("rollout", "history", "sts/web", "--revision=2")
    assert kubectl("rollout", "undo", "sts/web") == "statefulset.apps/web rolled back\n"
    kubectl("rollout", "status", "sts/web", "--timeout=60s")
    images = kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.containers[0].image}")
    assert images.split() == ["nginx:1.7.9"] * 3
    history = kubectl("rollout", "history", "sts/web").split("\n")
    assert [line.split()[0] for line in history[2:] if line] == ["2", "3"]
    assert kubectl.fails("rollout", "pause", "sts/web") == 'error: statefulsets.apps "web" pausing is not supported\n'


def test_restart(kubectl: Kubectl) -> None:
    ready_set(kubectl)
    old = kubectl("get", "pod", "web-0", "-o", "jsonpath={.metadata.uid}")
    assert kubectl("rollout", "restart", "statefulset", "web") == "statefulset.apps/web restarted\n"
    kubectl("rollout", "status", "sts/web", "--timeout=60s")
    assert kubectl("get", "pod", "web-0", "-o", "jsonpath={.metadata.uid}") != old


def test_set_env_and_resources(kubectl: Kubectl) -> None:
    ready_set(kubectl)
    assert kubectl("set", "env", "sts/web", "A=1") == "statefulset.apps/web env updated\n"
    limits = kubectl("set", "resources", "sts/web", "--limits=memory=64Mi")
    assert limits == "statefulset.apps/web resource requirements updated\n"
    kubectl("rollout", "status", "sts/web", "--timeout=60s")
    assert kubectl("exec", "web-0", "--", "sh", "-c", "echo $A") == "1\n"


# --- wait and delete -------------------------------------------------------------------------------------------------


def test_wait(kubectl: Kubectl) -> None:
    kubectl.apply(pod("web"))
    assert kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s") == "pod/web condition met\n"
    assert kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/web") == "pod/web condition met\n"
    complaint = kubectl.fails("wait", "--for=condition=Never", "pod/web", "--timeout=200ms")
    assert complaint == "error: timed out waiting for the condition on pods/web\n"
    with kubectl.following("wait", "--for=delete", "pod/web", "--timeout=60s", "-v=6") as output:
        output.until(lambda text: "watch=true" in text)  # of a pod that is gone already it says nothing
        kubectl("delete", "pod", "web", "--wait=false")
        output.until(lambda text: "pod/web condition met" in text)
    assert 'pods "web" not found' in kubectl.fails("wait", "--for=condition=Ready", "pod/web")


def test_delete_waits_for_the_end(kubectl: Kubectl) -> None:
    kubectl.apply(pod("web"))
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    assert re.fullmatch(r'pod "web" deleted( from .* namespace)?\n', kubectl("delete", "pod", "web"))
    assert kubectl.fails("get", "pod", "web") == 'Error from server (NotFound): pods "web" not found\n'
    assert kubectl.fails("delete", "pod", "web") == 'Error from server (NotFound): pods "web" not found\n'
    assert kubectl("delete", "pod", "web", "--ignore-not-found") == ""


def test_delete_with_and_without_grace(kubectl: Kubectl) -> None:
    stubborn = pod("web", container("trap '' TERM; while true; do sleep 0.1; done"), terminationGracePeriodSeconds=600)
    kubectl.apply(stubborn)
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    kubectl("delete", "pod", "web", "--wait=false")
    assert "Terminating" in kubectl("get", "pod", "web")
    kubectl("delete", "pod", "web", "--grace-period=1")
    kubectl.apply({**stubborn, "metadata": {"name": "second"}})
    kubectl("wait", "--for=condition=Ready", "pod/second", "--timeout=60s")
    forced = kubectl.run("delete", "pod", "second", "--grace-period=0", "--force")
    assert 'pod "second" force deleted' in forced.stdout
    assert "Immediate deletion does not wait for confirmation" in forced.stderr


def test_delete_many(kubectl: Kubectl) -> None:
    for name in ("a", "b", "c"):
        kubectl.apply(config_map(name))
    kubectl("label", "cm", "a", "b", "some=yes")
    assert kubectl("delete", "cm", "-l", "some=yes").count("deleted") == 2
    kubectl("delete", "cm/c", "cm/kube-root-ca.crt")
    kubectl("wait", "--for=create", "cm/kube-root-ca.crt", "--timeout=30s")
    kubectl("delete", "cm", "--all")
    kubectl.apply(service("front"))
    assert kubectl("delete", "-f", "-", stdin=yaml.safe_dump(service("front"))).startswith('service "front" deleted')


@pytest.mark.parametrize("cascade", ["background", "foreground", "orphan"])
def test_delete_cascades(kubectl: Kubectl, cascade: str) -> None:
    ready_set(kubectl, 2)
    assert kubectl("delete", "sts", "web", f"--cascade={cascade}").startswith('statefulset.apps "web" deleted')
    if cascade == "orphan":
        owners = kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.ownerReferences}")
        assert owners == ""
        assert kubectl("get", "pods", "-o", "name").split() == ["pod/web-0", "pod/web-1"]
    elif cascade == "foreground":
        assert kubectl("get", "pods", "-o", "name") == ""
    else:
        kubectl("wait", "--for=delete", "pod/web-0", "pod/web-1", "--timeout=60s")


def test_delete_a_namespace(kubectl: Kubectl) -> None:
    ready_set(kubectl)
    name = kubectl.namespace
    assert kubectl("delete", "namespace", name) == f'namespace "{name}" deleted\n'
    assert kubectl.fails("get", "namespace", name) == f'Error from server (NotFound): namespaces "{name}" not found\n'
