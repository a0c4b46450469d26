"""Helm: charts are installed, upgraded, rolled back, tested and uninstalled as on any Kubernetes."""

import base64

import pytest

from tests.e2e.helm import CHARTS, NO_HELM, Helm
from tests.e2e.kubectl import Kubectl
from tests.e2e.server import NEWER_NGINX, NGINX, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.skipif(bool(NO_HELM), reason=NO_HELM)]

WEB, DATABASE = str(CHARTS / "web"), str(CHARTS / "database")
WAIT = ("--wait", "--timeout", "60s")


@pytest.fixture
def helm(server: Server, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(server.kubeconfig, kubectl.namespace, tmp_path_factory.getbasetemp() / "helm")


def page(kubectl: Kubectl, pod: str) -> str:
    return kubectl("exec", pod, "--", "cat", "/usr/share/nginx/html/index.html").strip()


def said_by(kubectl: Kubectl, hook: str) -> str:
    return kubectl("logs", f"site-{hook}").strip()


def test_the_life_of_a_release(kubectl: Kubectl, helm: Helm) -> None:
    said = helm("install", "site", WEB, *WAIT)
    assert "site says first on 2 pods." in said
    assert kubectl.json("get", "sts", "site")["status"]["readyReplicas"] == 2
    assert page(kubectl, "site-1") == "first, revision 1"
    assert said_by(kubectl, "pre-install") == "pre-install,pre-upgrade of revision 1"
    assert said_by(kubectl, "post-install") == "post-install,post-upgrade,post-rollback of revision 1"

    changes = ("--set", "page=second", "--set", f"image={NEWER_NGINX}", "--set", "replicas=3")
    assert "site says second on 3 pods." in helm("upgrade", "site", WEB, *changes, *WAIT)
    pods = kubectl.json("get", "pods", "-l", "app.kubernetes.io/instance=site")["items"]
    assert [pod["spec"]["containers"][0]["image"] for pod in pods] == [NEWER_NGINX] * 3
    assert page(kubectl, "site-0") == "second, revision 2"
    assert said_by(kubectl, "pre-install") == "pre-install,pre-upgrade of revision 2"

    helm("rollback", "site", "1", *WAIT)
    pods = kubectl.json("get", "pods", "-l", "app.kubernetes.io/instance=site")["items"]
    assert [pod["spec"]["containers"][0]["image"] for pod in pods] == [NGINX] * 2
    assert page(kubectl, "site-1") == "first, revision 1"
    assert [revision["status"] for revision in helm.json("history", "site")] == ["superseded", "superseded", "deployed"]
    assert [release["revision"] for release in helm.json("list")] == ["3"]

    helm("uninstall", "site", *WAIT)
    kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/instance=site", "--timeout", "60s")
    left = kubectl("get", "sts,svc,pods,configmaps,secrets", "-o", "name").split()
    assert sorted(left) == [
        "configmap/kube-root-ca.crt",
        "pod/site-post-install",
        "pod/site-pre-delete",
        "pod/site-pre-install",
    ], "hooks stay, as their policy says"


def test_a_test_of_a_release_runs_in_its_pod(kubectl: Kubectl, helm: Helm) -> None:
    helm("install", "site", WEB, "--set", "page=tested", *WAIT)
    said = helm("test", "site", "--logs", "--timeout", "60s")
    assert "Phase:          Succeeded" in said
    assert "tested, revision 1" in said
    kubectl("delete", "service", "site")
    assert "failed" in helm.fails("test", "site", "--timeout", "60s")
    assert kubectl.json("get", "pod", "site-test")["status"]["phase"] == "Failed"


def test_an_upgrade_that_does_not_get_ready_is_taken_back(kubectl: Kubectl, helm: Helm) -> None:
    helm("install", "site", WEB, "--set", "replicas=1", *WAIT)
    broken = ("--set", "replicas=1", "--set", "image=nowhere.invalid/nginx:1", "--wait", "--timeout", "3s")
    assert "failed" in helm.fails("upgrade", "site", WEB, "--rollback-on-failure", *broken)
    assert kubectl.json("get", "sts", "site")["spec"]["template"]["spec"]["containers"][0]["image"] == NGINX
    kubectl(
        "delete", "pod", "site-0"
    )  # as in Kubernetes: an ordered set waits for its broken pod, whatever the template
    kubectl("rollout", "status", "sts/site", "--timeout", "50s")
    assert page(kubectl, "site-0") == "first, revision 1"


def test_without_server_side_apply_what_others_added_is_kept(kubectl: Kubectl, helm: Helm) -> None:
    helm("install", "site", WEB, "--server-side=false", "--no-hooks")
    kubectl("annotate", "sts", "site", "mine=yes")
    kubectl("scale", "sts", "site", "--replicas", "1")
    helm("upgrade", "site", WEB, "--server-side=false", "--no-hooks", "--set", "page=new", *WAIT)
    set_ = kubectl.json("get", "sts", "site")
    assert (set_["spec"]["replicas"], set_["metadata"]["annotations"]["mine"]) == (2, "yes")
    assert page(kubectl, "site-0") == "new, revision 2"


def test_an_upgrade_is_rehearsed_and_takes_fields_of_others_only_by_force(kubectl: Kubectl, helm: Helm) -> None:
    helm("install", "site", WEB, "--no-hooks", *WAIT)
    assert "kind: StatefulSet" in helm("get", "manifest", "site")
    rehearsed = helm("upgrade", "site", WEB, "--set", "replicas=5", "--dry-run=server")
    assert "replicas: 5" in rehearsed
    assert kubectl.json("get", "sts", "site")["spec"]["replicas"] == 2
    kubectl("annotate", "sts", "site", "mine=yes")
    kubectl("scale", "sts", "site", "--replicas", "1")
    refused = helm.fails("upgrade", "site", WEB, "--set", "page=new", "--no-hooks")
    assert 'conflict with "kubectl"' in refused
    helm("upgrade", "site", WEB, "--set", "page=new", "--force-conflicts", "--no-hooks", *WAIT)
    set_ = kubectl.json("get", "sts", "site")
    assert set_["spec"]["replicas"] == 2
    assert set_["metadata"]["annotations"]["mine"] == "yes"


def test_the_chart_of_a_database(kubectl: Kubectl, helm: Helm) -> None:
    """Bound to a volume each, with budget, policy and account; its password is made once and kept by `lookup`."""
    helm("install", "db", DATABASE, *WAIT)
    password = kubectl.json("get", "secret", "db")["data"]["password"]
    assert len(base64.b64decode(password)) == 16
    assert kubectl("exec", "db-1", "--", "cat", "/data/state").strip() == "db-1 of db, password of 16"
    assert kubectl.json("get", "pdb", "db")["status"]["expectedPods"] == 2
    claims = kubectl.json("get", "pvc", "-l", "app.kubernetes.io/instance=db")["items"]
    assert [claim["status"]["phase"] for claim in claims] == ["Bound"] * 2

    helm("upgrade", "db", DATABASE, "--set", "replicas=3", *WAIT)
    assert kubectl.json("get", "secret", "db")["data"]["password"] == password
    refused = helm.fails("upgrade", "db", DATABASE, "--set", "storage.size=2Mi")
    assert "updates to statefulset spec for fields other than" in refused

    helm("uninstall", "db", *WAIT)
    kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/instance=db", "--timeout", "60s")
    assert kubectl("get", "sts,svc,pods,pdb,networkpolicy,sa,secrets", "-o", "name").split() == [
        "serviceaccount/default"
    ]
    assert len(kubectl.json("get", "pvc")["items"]) == 3, "data outlive the release"
    helm("install", "db", DATABASE, "--set", "password=given", *WAIT)
    assert kubectl("exec", "db-0", "--", "cat", "/data/state").strip() == "db-0 of db, password of 5"
