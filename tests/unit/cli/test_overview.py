"""The table of pods."""

from pathlib import Path

from petset.api.types import EphemeralVolumeSource, Pod, Volume
from petset.cli.data_directory import DataDirectory
from petset.cli.hints import after_up, program
from petset.cli.progress.overview import PodRow, dns_name, pod_rows, set_rows
from petset.cli.progress.snapshot import Snapshot
from tests.unit.cli.progress_samples import a_claim, a_pod, a_set, a_volume


def test_a_row_has_what_people_look_for() -> None:
    pod = a_pod(state="ready")
    pod.spec.node_name, pod.status.pod_ip = "vm", "10.244.0.2"
    pod.spec.containers = a_set().spec.template.spec.containers
    snapshot = Snapshot(pods=[pod], claims=[a_claim()], volumes=[a_volume()])
    assert pod_rows(snapshot, "cluster.local") == [
        PodRow(
            pod="web-0",
            ready="1/1",
            status="Running",
            node="vm",
            ip="10.244.0.2",
            dns_name="web-0.nginx.default.svc.cluster.local",
            revision="web-new",
            claim="www-web-0",
            directory="/volumes/www-web-0",
        )
    ]


def test_what_is_not_known_yet_is_a_dash() -> None:
    (row,) = pod_rows(Snapshot(pods=[a_pod()]), "cluster.local")
    assert (row.node, row.ip, row.claim, row.directory) == ("-", "-", "www-web-0", "-")


def test_a_claim_made_for_one_pod_is_shown_too() -> None:
    pod = a_pod()
    pod.spec.volumes.append(Volume(name="scratch", ephemeral=EphemeralVolumeSource()))
    (row,) = pod_rows(Snapshot(pods=[pod], claims=[a_claim("web-0-scratch")]), "cluster.local")
    assert row.claim == "www-web-0\nweb-0-scratch"


def test_pods_stand_in_the_order_of_their_ordinals_and_pods_of_no_set_last() -> None:
    alone = a_pod("a")
    alone.metadata.owner_references = []
    rows = pod_rows(Snapshot(pods=[alone, a_pod("web-10"), a_pod("web-2")]), "cluster.local")
    assert [row.pod for row in rows] == ["web-2", "web-10", "a"]


def test_pods_of_several_namespaces_say_which() -> None:
    rows = pod_rows(Snapshot(pods=[a_pod(), a_pod(namespace="prod")]), "cluster.local")
    assert [row.pod for row in rows] == ["default/web-0", "prod/web-0"]


def test_only_pods_with_a_governing_service_have_a_name_of_their_own() -> None:
    assert dns_name(a_pod(), "example.org") == "web-0.nginx.default.svc.example.org"
    assert dns_name(Pod(), "example.org") == ""


def test_sets_show_how_far_they_are() -> None:
    assert set_rows(Snapshot(sets=[a_set(ready=1)])) == [("web", "1/3", "3/3", "web-new")]


def test_after_up_there_are_three_commands_to_try(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    snapshot = Snapshot(sets=[a_set(ready=3)], pods=[a_pod("web-1"), a_pod("web-0")])
    lines = after_up(directory, snapshot, "petset", stays=False)
    assert lines[1] == f"kubeconfig: {directory.kubeconfig}"
    assert lines[-3:] == [
        f"  petset get pods --data-dir {tmp_path} --watch",
        f"  petset exec --data-dir {tmp_path} -it web-0 -- sh",
        f"  petset scale --data-dir {tmp_path} sts/web --replicas 5",
    ]
    assert after_up(directory, Snapshot(), "petset", stays=True)[-1] == "petset is running; Ctrl-C ends it and its pods"


def test_petset_is_called_by_its_name_where_the_shell_finds_it(tmp_path: Path) -> None:
    script, other = tmp_path / "petset", tmp_path / "other"
    script.touch()
    other.touch()
    assert program(script, str(script)) == "petset"
    assert program(script, None) == str(script)
    assert program(script, str(other)) == str(script)
    assert program(tmp_path / "gone", None) == "petset"
    module = tmp_path / "__main__.py"
    module.touch()
    assert program(module, None) == "petset"
