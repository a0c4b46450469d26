"""What kubectl shows, against the source page's set."""

import itertools
import re
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import kubectl_namespace
from tests.e2e.kubectl import Kubectl
from tests.e2e.manifests import PAGE
from tests.e2e.server import NGINX, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def page(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl in a namespace in which the page's set is ready."""
    with kubectl_namespace(server, tmp_path_factory) as kubectl:
        kubectl("apply", "-f", "-", stdin=PAGE)
        kubectl("rollout", "status", "statefulset/web", "--timeout=60s")
        # events are written when there is time for them
        last = "--field-selector=reason=Started,involvedObject.name=web-2"
        with kubectl.following("get", "events", "--watch", last, "-o", "name") as output:
            output.until(lambda text: "event/" in text)
        yield kubectl


TABLES = [
    ("pods", "NAME READY STATUS RESTARTS AGE", ["web-0 1/1 Running 0", "web-1 1/1 Running 0", "web-2 1/1 Running 0"]),
    ("statefulsets", "NAME READY AGE", ["web 3/3"]),
    ("services", "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE", ["nginx ClusterIP None <none> 80/TCP"]),
    ("endpoints", "NAME ENDPOINTS AGE", ["nginx "]),
    ("endpointslices", "NAME ADDRESSTYPE PORTS ENDPOINTS AGE", ["nginx-"]),
    (
        "persistentvolumeclaims",
        "NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE",
        ["www-web-0 Bound pvc-", "www-web-1 Bound pvc-", "www-web-2 Bound pvc-"],
    ),
    ("controllerrevisions", "NAME CONTROLLER REVISION AGE", ["web-"]),
    ("configmaps", "NAME DATA AGE", ["kube-root-ca.crt 1"]),
    ("serviceaccounts", "NAME AGE", ["default "]),
    ("events", "LAST SEEN TYPE REASON OBJECT MESSAGE", []),
    ("nodes", "NAME STATUS ROLES AGE VERSION", []),
    ("namespaces", "NAME STATUS AGE", []),
    (
        "persistentvolumes",
        "NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS VOLUMEATTRIBUTESCLASS REASON AGE",
        [],
    ),
    (
        "storageclasses",
        "NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE",
        [],
    ),
    ("leases", "NAME HOLDER AGE", []),
]


@pytest.mark.parametrize(("resource", "header", "rows"), TABLES, ids=[resource for resource, *_ in TABLES])
def test_get_prints_tables(page: Kubectl, resource: str, header: str, rows: list[str]) -> None:
    arguments = ["get", resource, "-n", "kube-node-lease"] if resource == "leases" else ["get", resource]
    lines = [" ".join(line.split()) for line in page(*arguments).splitlines()]
    assert lines[0] == header
    assert not rows or len(lines) == len(rows) + 1
    for line, beginning in zip(lines[1:], rows, strict=False):
        assert line.startswith(beginning)


WIDE = [
    ("pods", "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES"),
    ("statefulsets", "NAME READY AGE CONTAINERS IMAGES"),
    ("services", "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR"),
    ("nodes", "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME"),
]


@pytest.mark.parametrize(("resource", "header"), WIDE)
def test_get_wide(page: Kubectl, resource: str, header: str) -> None:
    assert " ".join(page("get", resource, "-o", "wide").splitlines()[0].split()) == header


def test_get_in_other_forms(page: Kubectl) -> None:
    assert page("get", "pods", "-o", "name").split() == ["pod/web-0", "pod/web-1", "pod/web-2"]
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert page("get", "sts", "web", "-o", image) == NGINX
    columns = "custom-columns=NAME:.metadata.name,IP:.status.podIP"
    assert page.table("get", "pod", "web-0", "-o", columns)[0] == ["NAME", "IP"]
    assert "\nkind: StatefulSet\n" in page("get", "sts/web", "-o", "yaml")
    assert page.json("get", "sts,svc")["kind"] == "List"
    template = "go-template={{range .items}}{{.metadata.name}} {{end}}"
    assert page("get", "pods", "-o", template) == "web-0 web-1 web-2 "
    assert page("get", "pod", "web-0", "--no-headers", "--show-labels").split()[-1].startswith("app=nginx,")
    backwards = page("get", "pods", "--sort-by", "{.metadata.creationTimestamp}", "-o", "name")
    assert backwards.split()[-1] == "pod/web-2"
    raw = page("get", "--raw", f"/api/v1/namespaces/{page.namespace}/pods/web-0")
    assert '"kind":"Pod"' in raw.replace(" ", "")


def test_get_selects(page: Kubectl) -> None:
    assert page("get", "pods", "-l", "apps.kubernetes.io/pod-index in (0,2)", "-o", "name").split() == [
        "pod/web-0",
        "pod/web-2",
    ]
    assert page("get", "pods", "--field-selector", "metadata.name!=web-1", "-o", "name").split() == [
        "pod/web-0",
        "pod/web-2",
    ]
    assert page("get", "pods", "--chunk-size=1", "-o", "name").count("pod/") == 3
    header, rows = page.table("get", "pods", "-A", "-l", "app=nginx")
    assert header[0] == "NAMESPACE"
    assert [page.namespace, "web-0"] in [row[:2] for row in rows]
    assert "statefulset.apps/web" in page("get", "all")


def test_what_is_not_there(page: Kubectl) -> None:
    assert page.fails("get", "pod", "no") == 'Error from server (NotFound): pods "no" not found\n'
    assert page.fails("get", "sts", "no") == 'Error from server (NotFound): statefulsets.apps "no" not found\n'
    assert page.fails("get", "nothing") == 'error: the server doesn\'t have a resource type "nothing"\n'
    assert page.run("get", "secrets").stderr == f"No resources found in {page.namespace} namespace.\n"


def test_watch_shows_the_present_and_then_changes(page: Kubectl) -> None:
    with page.following("get", "pods", "--watch", "-l", "app=nginx") as output:
        output.until(lambda text: text.count("Running") == 3)
        page("annotate", "pod", "web-1", "seen=yes")
        output.until(lambda text: text.count("web-1") >= 2)
    with page.following("get", "pods", "--watch-only", "--output-watch-events") as output:
        # what changes before kubectl has asked for the present is no change to it
        for change in itertools.count():
            page("label", "--overwrite", "pod", "web-1", f"seen={change}")
            if output.soon():
                break
        output.until(lambda text: re.search(r"^MODIFIED +web-1 ", text, re.MULTILINE) is not None)


FROM = r"(spec\.containers\{nginx\}: )?"  # newer kubectl names the container


def test_describe_a_pod(page: Kubectl) -> None:
    text = page("describe", "pod", "web-0")
    for pattern in (
        r"^Name: +web-0$",
        rf"^Namespace: +{page.namespace}$",
        r"^Service Account: +default$",
        r"^Node: +\S+/\d+\.\d+\.\d+\.\d+$",
        r"^Status: +Running$",
        r"^IP: +10\.",
        r"^Controlled By: +StatefulSet/web$",
        r"^    Container ID: +podman://[0-9a-f]{64}$",
        rf"^    Image: +{NGINX}$",
        r"^    Port: +80/TCP( \(web\))?$",
        r"^    State: +Running$",
        r"^    Ready: +True$",
        r"^    Restart Count: +0$",
        r"^      /usr/share/nginx/html from www \(rw\)$",
        r"^  Ready +True ?$",
        r"^    ClaimName: +www-web-0$",
        r"^QoS Class: +BestEffort$",
        r"^Tolerations: +node.kubernetes.io/not-ready:NoExecute op=Exists for 300s$",
        r"^  Normal +Scheduled .* default-scheduler +Successfully assigned",
        rf'^  Normal +Pulled .* kubelet +{FROM}Container image "{NGINX}" already present on machine',
        rf"^  Normal +Created .* kubelet +{FROM}Created container:? nginx$",
        rf"^  Normal +Started .* kubelet +{FROM}Started container nginx$",
    ):
        assert re.search(pattern, text, re.MULTILINE), f"{pattern} not in\n{text}"


def test_describe_other_things(page: Kubectl) -> None:
    text = page("describe", "statefulset", "web")
    assert re.search(r"^Replicas: +3 desired \| 3 total$", text, re.MULTILINE)
    assert re.search(r"^Pods Status: +3 Running / 0 Waiting / 0 Succeeded / 0 Failed$", text, re.MULTILINE)
    assert re.search(r"SuccessfulCreate .* statefulset-controller +Create Pod web-0 in StatefulSet web", text)
    assert re.search(r"^Used By: +web-1$", page("describe", "pvc", "www-web-1"), re.MULTILINE)
    assert re.search(r"^Endpoints: +10\.\S+:80,10\.\S+:80,10\.\S+:80$", page("describe", "svc", "nginx"), re.MULTILINE)
    node = page("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    text = page("describe", "node", node)
    assert re.search(r"^  Ready +True .* KubeletReady +kubelet is posting ready status$", text, re.MULTILINE)
    assert re.search(rf"^  {page.namespace} +web-0 ", text, re.MULTILINE)
    for resource in ("namespaces", "pv", "sc", "cm", "endpoints", "endpointslices", "controllerrevisions", "sa"):
        assert re.search(r"^Name: ", page("describe", resource), re.MULTILINE)


def test_events(page: Kubectl) -> None:
    header, rows = page.table("events", "--for", "statefulset/web", "--types=Normal")
    assert header == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert {row[2] for row in rows} == {"SuccessfulCreate"}
    assert {row[3] for row in rows} == {"StatefulSet/web"}
    started = page("get", "events", "--field-selector", "reason=Started,involvedObject.name=web-2", "-o", "name")
    assert len(started.split()) == 1


def test_explain_and_discovery(page: Kubectl) -> None:
    assert re.search(r"^KIND: +StatefulSet\nVERSION: +v1$", page("explain", "statefulset"), re.MULTILINE)
    replicas = page("explain", "sts.spec.replicas")
    assert "FIELD: replicas <integer>" in replicas
    assert "How many pods there should be." in replicas
    header, rows = page.table("api-resources")
    assert header == ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    assert ["statefulsets", "sts", "apps/v1", "true", "StatefulSet"] in rows
    assert {"v1", "apps/v1", "storage.k8s.io/v1", "discovery.k8s.io/v1"} <= set(page("api-versions").split())
    assert re.search(r"^Server Version: v1\.", page("version"), re.MULTILINE)
    assert "Kubernetes control plane" in page("cluster-info")
    assert page("get", "--raw", "/readyz") == "ok"
    assert "[+]etcd ok\n" in page("get", "--raw", "/readyz?verbose")
    assert 'apiserver_storage_objects{resource="pods"}' in page("get", "--raw", "/metrics")


def test_the_server_validates_fields(page: Kubectl) -> None:
    wrong = PAGE.replace("  serviceName:", "  replica: 4\n  serviceName:")
    refused = page.fails("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=wrong)
    assert 'unknown field "spec.replica"' in refused
    refused = page.fails("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=wrong)
    assert ".spec.replica: field not declared in schema" in refused
