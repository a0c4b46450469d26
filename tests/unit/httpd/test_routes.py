"""What URLs mean."""

import pytest

from petset.api.errors import BadRequest, NotFound
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
    "query",
    [{"watch": "maybe"}, {"watch": "2"}],
)
def test_a_flag_that_is_neither_true_nor_false_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match="watch"):
        routes.flag(query, "watch")


@pytest.mark.parametrize(
    ("query", "field"), [({"dryRun": "Some"}, "dryRun"), ({"fieldValidation": "L"}, "fieldValidation")]
)
def test_a_parameter_that_makes_no_sense_is_named(query: dict[str, str], field: str) -> None:
    with pytest.raises(BadRequest, match=field):
        routes.write_options(query, "kubectl/v1.32.4")


def test_a_limit_that_is_no_number_is_refused() -> None:
    with pytest.raises(BadRequest, match="limit"):
        routes.list_options({"limit": "many"})


def test_the_field_manager_is_by_default_the_clients_own_name() -> None:
    assert routes.write_options({}, "kubectl/v1.32.4 (linux/amd64)").field_manager == "kubectl"
    assert routes.write_options({"fieldManager": "me"}, "kubectl/v1.32.4").field_manager == "me"
