"""Validation of what only Windows knows; no node here runs it, but its pods can be stored."""

import re
from collections.abc import Iterator

from petset.api.field import FieldError, invalid
from petset.api.names import dns1123_subdomain_errors
from petset.api.types import PodSecurityContext, PodSpec, SecurityContext, WindowsSecurityContextOptions
from petset.kinds.checks import format_errors

_LARGEST_CREDENTIAL_KIB = 64
_LONGEST_DOMAIN, _LONGEST_USER = 256, 104
_USER = "runAsUserName"
_IN_NO_USER = '"/\\:;|=,+*?<>@[]'


def windows_errors(path: str, options: WindowsSecurityContextOptions | None) -> Iterator[FieldError]:
    """The options of a pod or a container."""
    if options is None:
        return
    if options.gmsa_credential_spec_name is not None:
        yield from format_errors(
            f"{path}.gmsaCredentialSpecName", options.gmsa_credential_spec_name, dns1123_subdomain_errors
        )
    spec, where = options.gmsa_credential_spec, f"{path}.gmsaCredentialSpec"
    if spec == "":
        yield invalid(where, spec, "gmsaCredentialSpec cannot be an empty string")
    elif spec is not None and len(spec.encode()) > _LARGEST_CREDENTIAL_KIB * 1024:
        yield invalid(where, spec, f"gmsaCredentialSpec size must be under {_LARGEST_CREDENTIAL_KIB} KiB")
    if options.run_as_user_name is not None:
        for rule in _user_errors(options.run_as_user_name):
            yield invalid(f"{path}.{_USER}", options.run_as_user_name, rule)


def host_process_errors(path: str, spec: PodSpec) -> Iterator[FieldError]:
    """Either all containers are processes of the host, or none; those that are share its network."""
    whole = _host_process(spec.security_context)
    found = []
    for place, containers in (("initContainers", spec.init_containers), ("containers", spec.containers)):
        for index, container in enumerate(containers):
            own = _host_process(container.security_context)
            if None not in (whole, own) and own != whole:
                rule = f"pod hostProcess value must be identical if both are specified, was {str(whole).lower()}"
                where = f"{path}.{place}[{index}].securityContext.windowsOptions.hostProcess"
                yield invalid(where, own, rule)
            found.append(bool(whole if own is None else own))
    if any(found) and not all(found):
        rule = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        yield invalid(path, "", rule)
    if any(found) and not spec.host_network:
        rule = "hostNetwork must be true if pod contains any hostProcess containers"
        yield invalid(f"{path}.hostNetwork", False, rule)


def _host_process(context: SecurityContext | PodSecurityContext | None) -> bool | None:
    options = context.windows_options if context is not None else None
    return options.host_process if options is not None else None


def _user_errors(text: str) -> Iterator[str]:
    domain, backslash, user = text.rpartition("\\")
    if not text:
        yield f"{_USER} cannot be an empty string"
    elif re.search(r"[\x00-\x1f\x7f]", text):
        yield f"{_USER} cannot contain control characters"
    elif "\\" in domain:
        yield f"{_USER} cannot contain more than one backslash"
    else:
        if backslash:
            yield from _domain_errors(domain)
        yield from _account_errors(user)


def _domain_errors(domain: str) -> Iterator[str]:
    if len(domain.encode()) >= _LONGEST_DOMAIN:
        yield f"{_USER}'s Domain length must be under {_LONGEST_DOMAIN} characters"
    if not re.fullmatch(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}', domain) and dns1123_subdomain_errors(domain.lower()):
        yield f"{_USER}'s Domain doesn't match the NetBios nor the DNS format"


def _account_errors(user: str) -> Iterator[str]:
    if not user:
        yield f"{_USER}'s User cannot be empty"
    elif len(user.encode()) > _LONGEST_USER:
        yield f"{_USER}'s User length must not be longer than {_LONGEST_USER} characters"
    if re.fullmatch(r"[. ]+", user):
        yield f"{_USER}'s User cannot contain only periods or spaces"
    if any(character in _IN_NO_USER for character in user):
        yield f"{_USER}'s User cannot contain the following characters: {_IN_NO_USER}"
