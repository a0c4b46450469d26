"""What a URL asks to be allowed is what is then carried out: two readings of it that must never differ."""

from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from petset.api.errors import NotFound
from petset.apiserver.request import Identity
from petset.httpd import routes
from petset.httpd.authorization import attributes_of
from petset.kinds import CATALOGUE

STARTS = st.sampled_from(["api/v1", "apis/apps/v1", "apis/policy/v1", "apis/rbac.authorization.k8s.io/v1"])
WORDS = st.sampled_from(
    [
        "watch",
        "namespaces",
        "default",
        "pods",
        "web-0",
        "exec",
        "log",
        "status",
        "finalize",
        "scale",
        "statefulsets",
        "nodes",
        "secrets",
        "eviction",
        "roles",
        "clusterroles",
        "token",
        "serviceaccounts",
        "pods%2Fexec",
        "%2F",
        ".",
        "..",
    ]
)
BETWEEN = st.sampled_from(["/", "/", "/", "/", "//"])


@st.composite
def urls(draw: st.DrawFn) -> str:
    """Mostly such as there are: a place, a resource, a name, a subresource; and some of anything."""
    usual = st.tuples(
        st.sampled_from([[], ["watch"]]),
        st.sampled_from([[], ["namespaces", "default"]]),
        st.sampled_from(
            ["pods", "statefulsets", "secrets", "namespaces", "nodes", "poddisruptionbudgets", "roles"]
        ).map(lambda w: [w]),
        st.sampled_from([[], ["web-0"], ["status"], ["watch"]]),
        st.sampled_from([[], ["exec"], ["log"], ["status"], ["scale"], ["finalize"], ["eviction"]]),
    ).map(lambda parts: [word for part in parts for word in part])
    words = draw(st.one_of(usual, st.lists(WORDS, min_size=1, max_size=7)))
    path = "".join(draw(BETWEEN) + word for word in [draw(STARTS), *words])
    return path + draw(st.sampled_from(["", "", "/", "?watch=1", "?watch=false"]))


@given(urls())
def test_what_is_asked_for_is_what_is_done(url: str) -> None:
    request = make_mocked_request("GET", url)
    try:
        route = routes.parse_path(CATALOGUE, request.path)
    except NotFound:
        return
    asked, target = attributes_of(Identity("jane"), request), route.target
    resource, name = target.resource, target.name
    namespace = name if resource.plural == "namespaces" else target.namespace
    assert asked.path is None
    assert (asked.group, asked.resource, asked.subresource) == (resource.group, resource.plural, target.subresource)
    assert (asked.namespace, asked.name) == (namespace, name)
    watches = routes.asks_for_watch(route, request.query)
    assert asked.verb == ("watch" if watches else "get" if name else "list")
    assert not (watches and target.subresource), "exec that is asked for as a watch"
