"""Which form a client gets for its Accept header."""

import pytest

from petset.api.errors import BadRequest, NotAcceptable
from petset.httpd.negotiation import YAML, accepted_discovery, accepted_form, accepts_json, prefers

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PROTOBUF = "application/vnd.kubernetes.protobuf"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "Object"),
        ("*/*", "Object"),
        ("application/json", "Object"),
        ("application/json, */*", "Object"),
        ("application/vnd.kubernetes.protobuf,application/json", "Object"),
        ("application/vnd.kubernetes.protobuf, */*", "Object"),
        (f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", "Table"),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", "PartialObjectMetadata"),
        ("application/json;as=Unheard;g=meta.k8s.io;v=v1,application/json", "Object"),
        # client-go's metadata client: get, watch and patch, then list
        (f"{PROTOBUF};{METADATA},application/json;{METADATA},application/json", "PartialObjectMetadata"),
        (f"{PROTOBUF};{METADATA_LIST},application/json;{METADATA_LIST},application/json", "PartialObjectMetadata"),
    ],
)
def test_the_first_form_that_can_be_given_counts(accept: str, form: str) -> None:
    assert accepted_form(accept).name == form
    assert accepts_json(accept)


@pytest.mark.parametrize(
    ("accept", "yaml"),
    [
        ("application/json, application/yaml", False),
        ("application/json;q=0.5, application/yaml;q=0.9", True),
        ("application/yaml;q=0.5, application/json", False),
        ("*/*, application/yaml", True),
        ("*/*;q=0.8, application/yaml;q=0.1", True),
        ("application/*, application/yaml", True),
        ("application/yaml;q=x, application/json;q=0.5", False),
        ("text/html, application/yaml;q=0.9, */*;q=0.8", True),
        ("text/html, image/gif, *; q=.2, */*; q=.2", False),
        ("text/html," * 63 + "application/yaml", True),
        ("text/html," * 64 + "application/yaml", False),
        ("", False),
    ],
)
def test_what_is_preferred_and_less_general_comes_first(accept: str, *, yaml: bool) -> None:
    assert prefers(accept, (YAML,)) == yaml


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/vnd.kubernetes.protobuf",
        "application/json;as=Unheard",
        "application/json;as=;g=meta.k8s.io;v=v1",
        "application/json;g=meta.k8s.io;v=v1",
        "application/json;as=Table;g=meta.k8s.io",
    ],
)
def test_a_client_that_takes_no_json_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        accepted_form(accept)


def test_rows_carry_what_the_client_asks_for() -> None:
    assert accepted_form(TABLE).include == "Metadata"
    assert accepted_form(TABLE, "Object").include == "Object"
    with pytest.raises(BadRequest, match="includeObject"):
        accepted_form(TABLE, "Everything")
    assert accepted_form("application/json", "Everything").name == "Object"


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json", "v2"),
        ("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json", "v2beta1"),
        ("application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,application/json", ""),
        ("application/json", ""),
        ("text/html", ""),
        ("", ""),
    ],
)
def test_discovery_is_never_refused(accept: str, version: str) -> None:
    assert accepted_discovery(accept) == version
