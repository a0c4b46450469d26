"""Names, keys and values: what is accepted, and the words for what is not."""

from collections.abc import Callable

import pytest

from petset.api import names

Check = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (names.dns1123_label_errors, "web"),
        (names.dns1123_label_errors, "0-web"),
        (names.dns1123_label_errors, "a" * 63),
        (names.dns1123_subdomain_errors, "web.default.svc"),
        (names.dns1123_subdomain_errors, "a" * 253),
        (names.dns1035_label_errors, "nginx-1"),
        (names.qualified_name_errors, "app"),
        (names.qualified_name_errors, "apps.kubernetes.io/pod-index"),
        (names.label_value_errors, ""),
        (names.label_value_errors, "My_Value.1"),
        (names.env_var_name_errors, "1 odd-name"),
        (names.port_name_errors, "web-8080"),
        (names.percent_errors, "25%"),
        (names.config_map_key_errors, "nginx.conf"),
        (names.config_map_key_errors, ".hidden"),
    ],
)
def test_accepted(check: Check, value: str) -> None:
    assert check(value) == []


@pytest.mark.parametrize(
    ("check", "value", "errors"),
    [
        (names.dns1123_label_errors, "a.b", ["must not contain dots"]),
        (
            names.dns1123_label_errors,
            "Web\n",
            [
                (
                    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
                    "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
                    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                )
            ],
        ),
        (names.dns1123_label_errors, "a" * 64, ["must be no more than 63 characters"]),
        (
            names.dns1123_subdomain_errors,
            "web_0",
            [
                (
                    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
                    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
                    r"validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                )
            ],
        ),
        (
            names.dns1035_label_errors,
            "1st",
            [
                (
                    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
                    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
                    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                )
            ],
        ),
        (names.label_value_errors, "a" * 64, ["must be no more than 63 bytes"]),
        (
            names.label_value_errors,
            "-a",
            [
                (
                    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
                    "must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
                    "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                )
            ],
        ),
        (
            names.env_var_name_errors,
            "A=B",
            [
                "a valid environment variable name must consist only of printable ASCII characters other than '='",
            ],
        ),
        (names.env_var_name_errors, "", ["environment variable name must be non-empty"]),
        (names.port_name_errors, "a" * 16, ["must be no more than 15 characters"]),
        (
            names.port_name_errors,
            "-8_0--1",
            [
                "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
                "must contain at least one letter (a-z)",
                "must not contain consecutive hyphens",
                "must not begin or end with a hyphen",
            ],
        ),
        (names.config_map_key_errors, "..", ["must not be '..'"]),
        (names.config_map_key_errors, "..data", ["must not start with '..'"]),
        (
            names.percent_errors,
            "1",
            [
                (
                    "a valid percent string must be a numeric string followed by an ending '%' "
                    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
                )
            ],
        ),
    ],
)
def test_refused_with_the_stock_servers_words(check: Check, value: str, errors: list[str]) -> None:
    assert check(value) == errors


KEY_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


@pytest.mark.parametrize(
    ("key", "errors"),
    [
        ("", ["name part must be non-empty", f"name part {KEY_RULE}"]),
        ("/a", ["prefix part must be non-empty"]),
        ("a b", [f"name part {KEY_RULE}"]),
        ("x" * 64, ["name part must be no more than 63 bytes"]),
        (
            "a/b/c",
            [f"a valid label key {KEY_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"],
        ),
    ],
)
def test_keys_name_the_part_that_is_wrong(key: str, errors: list[str]) -> None:
    assert names.qualified_name_errors(key) == errors


@pytest.mark.parametrize(("port", "accepted"), [(0, False), (1, True), (65535, True), (65536, False)])
def test_port_numbers(port: int, accepted: bool) -> None:
    assert (names.port_number_errors(port) == []) is accepted


def test_percentages_are_short() -> None:
    """What is longer is more than anybody can mean, and than Python reads."""
    assert names.percent_errors("9" * 5000 + "%")
    assert not names.percent_errors("100%")
