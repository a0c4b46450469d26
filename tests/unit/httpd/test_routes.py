"""What URLs mean."""

import pytest

from petset.api.errors import BadRequest, Invalid, NotFound
from petset.api.types import DeleteOptions, Preconditions
from petset.httpd import routes
from petset.kinds import CATALOGUE


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/api/v1/namespaces", ("namespaces", "", "", "")),
        ("/api/v1/namespaces/default", ("namespaces", "", "default", "")),
        ("/api/v1/namespaces/default/status", ("namespaces", "", "default", "status")),
        ("/api/v1/namespaces/default/finalize", ("namespaces", "", "default", "finalize")),
        ("/api/v1/pods", ("pods", "", "", "")),
        ("/api/v1/namespaces//pods", ("pods", "", "", "")),
        ("/api/v1/namespaces//", ("namespaces", "", "", "")),
        ("/api/v1/namespaces/namespaces//pods", ("pods", "namespaces", "", "")),
        ("/api/v1/namespaces/default/pods", ("pods", "default", "", "")),
        ("/api/v1/namespaces/default/pods/web-0/log", ("pods", "default", "web-0", "log")),
        ("/apis/apps/v1/namespaces/x/statefulsets/web/scale", ("statefulsets", "x", "web", "scale")),
        ("/apis/storage.k8s.io/v1/storageclasses/fast", ("storageclasses", "", "fast", "")),
    ],
)
def test_a_path_names_a_target(path: str, meant: tuple[str, ...]) -> None:
    target = routes.parse_path(CATALOGUE, path).target
    assert (target.resource.plural, target.namespace, target.name, target.subresource) == meant


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/v2/pods",
        "/apis/apps/v1",
        "/apis/apps/v1/deployments",
        "/api/v1/pods/web-0",
        "/api/v1/namespaces/default/pods/web-0/nothing",
        "/api/v1/namespaces/default/pods/web-0/log/more",
        "/api/v1/namespaces/default/nodes/n",
        "/api/v1/watch/namespaces/default/pods/web-0/exec",
        "/api/v1/watch/namespaces/default/pods/web-0/log",
        "/apis/apps/v1/watch/namespaces/default/statefulsets/web/scale",
    ],
)
def test_an_unknown_path_is_not_found(path: str) -> None:
    with pytest.raises(NotFound, match="the server could not find the requested resource"):
        routes.parse_path(CATALOGUE, path)


def test_the_older_watch_path_watches_one_name() -> None:
    route = routes.parse_path(CATALOGUE, "/api/v1/watch/namespaces/default/pods/web-0")
    assert route.watches
    assert routes.watch_options({}, route.target).field_selector == "metadata.name=web-0"


@pytest.mark.parametrize(
    ("path", "watches"),
    [
        ("/api/v1/namespaces/default/secrets", True),
        ("/api/v1/namespaces/default/secrets/a", False),
        ("/apis/apps/v1/namespaces/default/statefulsets/web/scale", False),
        ("/api/v1/watch/namespaces/default/secrets/a", True),
    ],
)
def test_who_may_get_one_object_cannot_make_a_watch_of_it(path: str, watches: bool) -> None:
    assert routes.asks_for_watch(routes.parse_path(CATALOGUE, path), {"watch": "1"}) == watches


@pytest.mark.parametrize(
    "query",
    [{"watch": "1"}, {"watch": "true"}, {"watch": ""}, {"watch": "maybe"}],
)
def test_a_flag_is_up_whatever_it_says(query: dict[str, str]) -> None:
    assert routes.flag(query, "watch")


@pytest.mark.parametrize("query", [{}, {"watch": "0"}, {"watch": "false"}, {"watch": "False"}])
def test_a_flag_is_down_when_it_says_so(query: dict[str, str]) -> None:
    assert not routes.flag(query, "watch")


@pytest.mark.parametrize(
    ("query", "field"),
    [({"dryRun": "Some"}, "dryRun"), ({"dryRun": ""}, "dryRun"), ({"fieldValidation": "L"}, "fieldValidation")],
)
def test_a_parameter_that_makes_no_sense_is_named(query: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid, match=f'UpdateOptions.meta.k8s.io "" is invalid: {field}: Unsupported value'):
        routes.write_options(query, "kubectl/v1.32.4", "UpdateOptions")


@pytest.mark.parametrize("text", ["many", "", "1.5"])
def test_a_limit_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=f'strconv[.]ParseInt: parsing "{text}": invalid syntax'):
        routes.list_options({"limit": text})


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({}, DeleteOptions()),
        ({"gracePeriodSeconds": "5", "dryRun": "All"}, DeleteOptions(grace_period_seconds=5, dry_run=["All"])),
        ({"dryRun": "", "propagationPolicy": ""}, DeleteOptions(propagation_policy="", dry_run=[""])),
        ({"orphanDependents": "false"}, DeleteOptions(orphan_dependents=False)),
        ({"orphanDependents": ""}, DeleteOptions(orphan_dependents=True)),
        ({"uid": "a"}, DeleteOptions(preconditions=Preconditions(uid="a"))),
        ({"resourceVersion": "5", "uid": ""}, DeleteOptions(preconditions=Preconditions(resource_version="5"))),
    ],
)
def test_a_deletion_may_say_all_in_its_url(query: dict[str, str], options: DeleteOptions) -> None:
    assert routes.delete_options(query) == options


def test_the_field_manager_is_by_default_the_clients_own_name() -> None:
    assert routes.write_options({}, "kubectl/v1.32.4 (linux/amd64)", "CreateOptions").field_manager == "kubectl"
    assert routes.write_options({"fieldManager": "me"}, "kubectl/v1.32.4", "CreateOptions").field_manager == "me"
