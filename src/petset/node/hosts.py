"""A pod's host name and its /etc/hosts. Pure.

Rules: the kubelet (GeneratePodHostNameAndDomain, ensureHostsFile).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from petset.api.types import HostAlias, Pod

LONGEST_LABEL = 63
LONGEST_HOSTNAME = 64  # what the kernel takes


class HostnameTooLong(Exception):
    """The pod asks for its full name as host name, and the kernel does not take one of that length."""


@dataclass(frozen=True, slots=True)
class PodName:
    """What a pod calls itself: `hostname` as shown by `hostname`, and the full name when a subdomain gives it one."""

    hostname: str
    label: str
    fqdn: str | None


def pod_name(pod: Pod, cluster_domain: str) -> PodName:
    """The pod's names. Raises HostnameTooLong."""
    spec = pod.spec
    if spec.hostname_override:
        return PodName(spec.hostname_override, spec.hostname_override, None)
    label = spec.hostname or (pod.metadata.name or "")[:LONGEST_LABEL].rstrip("-.")
    if not spec.subdomain:
        return PodName(label, label, None)
    fqdn = f"{label}.{spec.subdomain}.{pod.metadata.namespace}.svc.{cluster_domain}"
    if not spec.set_hostname_as_fqdn:
        return PodName(label, label, fqdn)
    if len(fqdn) > LONGEST_HOSTNAME:
        raise HostnameTooLong(
            f"failed to construct FQDN from Pod hostname and cluster domain, FQDN {fqdn} is too long "
            f"({LONGEST_HOSTNAME} characters is the max, {len(fqdn)} characters requested)"
        )
    return PodName(fqdn, label, fqdn)


LOCAL_NAMES = """\
# Written by petset for this pod; changes are lost when it starts anew.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def pod_hosts(ips: Sequence[str], name: PodName, aliases: Sequence[HostAlias]) -> str:
    """The text of /etc/hosts for a pod with addresses of its own."""
    names = f"{name.fqdn}\t{name.label}" if name.fqdn else name.label
    return LOCAL_NAMES + "".join(f"{ip}\t{names}\n" for ip in ips) + alias_lines(aliases)


def host_network_hosts(machine: str, aliases: Sequence[HostAlias]) -> str:
    """The text of /etc/hosts for a pod on the machine's own network: the machine's, and the pod's aliases."""
    ending = "" if not machine or machine.endswith("\n") else "\n"
    return machine + ending + alias_lines(aliases)


def alias_lines(aliases: Sequence[HostAlias]) -> str:
    """One line per entry of the pod's hostAliases."""
    if not aliases:
        return ""
    lines = "".join("\t".join([alias.ip, *alias.hostnames]) + "\n" for alias in aliases)
    return f"\n# From the pod's hostAliases.\n{lines}"
