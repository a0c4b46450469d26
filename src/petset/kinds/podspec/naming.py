"""Validation of how a pod is named and what it can resolve: DNS policy, resolver settings, host aliases."""

from collections.abc import Iterator, Sequence

from petset.api.field import FieldError, forbidden, invalid, required, too_long
from petset.api.names import dns1123_label_errors, dns1123_subdomain_errors
from petset.api.types import HostAlias, PodDNSConfig, PodSpec
from petset.kinds.checks import format_errors, ip, one_of, optional_errors

_SEARCH_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"
)
LONGEST_HOSTNAME = 64
"""Bytes of a name that a pod gives itself."""
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")


def naming_errors(path: str, spec: PodSpec) -> Iterator[FieldError]:
    """Everything wrong with host name, DNS policy, resolver settings and host aliases."""
    yield from one_of(f"{path}.dnsPolicy", spec.dns_policy, _DNS_POLICIES)
    yield from _dns_config_errors(f"{path}.dnsConfig", spec.dns_config, spec.dns_policy)
    yield from optional_errors(f"{path}.hostname", spec.hostname, dns1123_label_errors)
    yield from optional_errors(f"{path}.subdomain", spec.subdomain, dns1123_label_errors)
    yield from _override_errors(f"{path}.hostnameOverride", spec)
    yield from _host_aliases_errors(f"{path}.hostAliases", spec.host_aliases)


def _override_errors(path: str, spec: PodSpec) -> Iterator[FieldError]:
    name = spec.hostname_override
    if name is None:
        return
    if spec.set_hostname_as_fqdn:
        yield forbidden(path, "may not be specified when setHostnameAsFQDN is true")
    if spec.host_network:
        yield forbidden(path, "may not be specified when hostNetwork is true")
    if len(name.encode()) > LONGEST_HOSTNAME:
        yield too_long(path, LONGEST_HOSTNAME)
    yield from format_errors(path, name, dns1123_subdomain_errors)


def _dns_config_errors(path: str, config: PodDNSConfig | None, policy: str | None) -> Iterator[FieldError]:
    if policy == "None" and config is None:
        yield required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
        return
    if config is None:
        return
    if policy == "None" and not config.nameservers:
        rule = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        yield required(f"{path}.nameservers", rule)
    yield from _nameservers_errors(f"{path}.nameservers", config.nameservers)
    yield from _searches_errors(f"{path}.searches", config.searches)
    for index, option in enumerate(config.options):
        if not option.name:
            yield required(f"{path}.options[{index}]", "must not be empty")


def _nameservers_errors(path: str, servers: Sequence[str]) -> Iterator[FieldError]:
    if len(servers) > 3:
        yield invalid(path, servers, "must not have more than 3 nameservers")
    for index, server in enumerate(servers):
        yield from ip(f"{path}[{index}]", server)


def _searches_errors(path: str, searches: Sequence[str]) -> Iterator[FieldError]:
    if len(searches) > 32:
        yield invalid(path, searches, "must not have more than 32 search paths")
    for index, search in enumerate(searches):
        # A single dot stands for no search at all, and underscores are common in search paths.
        name = search.removesuffix(".")
        if search != "." and dns1123_subdomain_errors(name.replace("_", "-")):
            yield invalid(f"{path}[{index}]", name, _SEARCH_RULE)


def _host_aliases_errors(path: str, aliases: Sequence[HostAlias]) -> Iterator[FieldError]:
    for number, alias in enumerate(aliases):
        where = f"{path}[{number}]"
        yield from ip(f"{where}.ip", alias.ip)
        for index, name in enumerate(alias.hostnames):
            yield from format_errors(f"{where}.hostnames[{index}]", name, dns1123_subdomain_errors)
