"""Which strings Kubernetes takes as names, keys and label values, and what it says about the others.

Every function returns the messages for one value, none when it is fine; they carry no field path, since the caller
knows where the value stood. The rules and the wording clients see are those of apimachinery's `util/validation` and
`api/validate/content`.
"""

import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_RFC1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_PERCENT = "[0-9]+%"
_LONGEST_PERCENT = 10
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

_match_label = re.compile(_LABEL).fullmatch
_match_subdomain = re.compile(_SUBDOMAIN).fullmatch
_match_rfc1035 = re.compile(_RFC1035).fullmatch
_match_key = re.compile(_KEY).fullmatch
_match_value = re.compile(_VALUE).fullmatch
_match_config_key = re.compile(_CONFIG_KEY).fullmatch
_match_percent = re.compile(_PERCENT).fullmatch
_match_wildcard = re.compile(_WILDCARD).fullmatch
_match_reason = re.compile(_REASON).fullmatch
_match_http_path = re.compile(_HTTP_PATH).fullmatch
_match_port_name = re.compile("[-a-z0-9]+").fullmatch
_find_letter = re.compile("[a-z]").search

_KEY_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)


def dns1123_label_errors(value: str) -> list[str]:
    """Objects whose name becomes one DNS label: namespaces, containers, volumes (at most 63 characters)."""
    errors = _length_errors(value, 63)
    if not _match_label(value):
        if _match_subdomain(value):
            errors.append("must not contain dots")
        else:
            rule = (
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
                "and must start and end with an alphanumeric character"
            )
            errors.append(_pattern_error(rule, _LABEL, "my-name", "123-abc"))
    return errors


def dns1123_subdomain_errors(value: str) -> list[str]:
    """Most object names: labels with dots between them (at most 253 characters)."""
    return _length_errors(value, 253) + _subdomain_pattern_errors(value)


def dns1035_label_errors(value: str) -> list[str]:
    """Service names: a DNS label that starts with a letter (at most 63 characters)."""
    errors = _length_errors(value, 63)
    if not _match_rfc1035(value):
        rule = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
            "start with an alphabetic character, and end with an alphanumeric character"
        )
        errors.append(_pattern_error(rule, _RFC1035, "my-name", "abc-123"))
    return errors


def path_segment_name_errors(value: str) -> list[str]:
    """Names of roles and their bindings: whatever can stand between two slashes of a URL."""
    if value in {".", ".."}:
        return [f"may not be '{value}'"]
    return [f"may not contain '{part}'" for part in ("/", "%") if part in value]


def qualified_name_errors(value: str) -> list[str]:
    """Keys of labels and annotations, resource names, finalizers: `name` or `prefix.example/name`."""
    key_error = _pattern_error(_KEY_RULE, _KEY, "MyName", "my.name", "123-abc")
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        suffix = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a valid label key {key_error}{suffix}"]
    errors: list[str] = []
    if slash and not prefix:
        errors.append("prefix part must be non-empty")
    elif slash:
        prefix_errors = _length_errors(prefix, 253, "bytes") + _subdomain_pattern_errors(prefix)
        errors.extend(f"prefix part {message}" for message in prefix_errors)
    if not name:
        errors.append("name part must be non-empty")
    errors.extend(f"name part {message}" for message in _length_errors(name, 63, "bytes"))
    if not _match_key(name):
        errors.append(f"name part {key_error}")
    return errors


def label_value_errors(value: str) -> list[str]:
    """Values of labels: empty, or like a key without prefix (at most 63 bytes)."""
    errors = _length_errors(value, 63, "bytes")
    if not _match_value(value):
        rule = f"a valid label must be an empty string or {_KEY_RULE.removeprefix('must ')}"
        errors.append(_pattern_error(rule, _VALUE, "MyValue", "my_value", "12345"))
    return errors


def env_var_name_errors(value: str) -> list[str]:
    """Names of environment variables: any printable ASCII but `=`, the default rule since Kubernetes 1.34."""
    if not value:
        return ["environment variable name must be non-empty"]
    if all(" " <= character <= "~" and character != "=" for character in value):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


def port_name_errors(value: str) -> list[str]:
    """Named ports: an IANA service name, lower case, at most 15 characters."""
    errors = _length_errors(value, 15)
    if not _match_port_name(value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _find_letter(value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def port_number_errors(port: int) -> list[str]:
    """Port numbers that can be used: 1 to 65535."""
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def percent_errors(value: str) -> list[str]:
    """Percentages of an IntOrString: digits, then `%`."""
    if _match_percent(value) and len(value) <= _LONGEST_PERCENT:
        return []
    rule = "a valid percent string must be a numeric string followed by an ending '%'"
    return [_pattern_error(rule, _PERCENT, "1%", "93%")]


def config_map_key_errors(value: str) -> list[str]:
    """Keys of ConfigMaps and Secrets: they become file names (at most 253 characters)."""
    errors = _length_errors(value, 253)
    if not _match_config_key(value):
        rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(_pattern_error(rule, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return errors + _parent_directory_errors(value)


def wildcard_subdomain_errors(value: str) -> list[str]:
    """Hosts of an Ingress with a `*`: it stands for the first label (at most 253 characters)."""
    errors = _length_errors(value, 253)
    if not _match_wildcard(value):
        rule = (
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist "
            "of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
        )
        errors.append(_pattern_error(rule, _WILDCARD, "*.example.com"))
    return errors


def http_path_errors(value: str) -> list[str]:
    """The path behind the domain of a controller's name."""
    return [] if _match_http_path(value) else [f"Invalid path (regex used for validation is '{_HTTP_PATH}')"]


def condition_reason_errors(value: str) -> list[str]:
    """Reasons of conditions: one word, as programs read it."""
    if _match_reason(value):
        return []
    rule = (
        "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
        "characters or '_,:', and must end with an alphanumeric character or '_'"
    )
    return [_pattern_error(rule, _REASON, "my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")]


def _subdomain_pattern_errors(value: str) -> list[str]:
    if _match_subdomain(value):
        return []
    rule = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
        "and must start and end with an alphanumeric character"
    )
    return [_pattern_error(rule, _SUBDOMAIN, "example.com")]


def _length_errors(value: str, longest: int, unit: str = "characters") -> list[str]:
    return [f"must be no more than {longest} {unit}"] if len(value.encode()) > longest else []


def _parent_directory_errors(value: str) -> list[str]:
    if value in {".", ".."}:
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def _pattern_error(rule: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{rule} (e.g. {shown}regex used for validation is '{pattern}')"
