"""Validation of security contexts: ids are ids, and nothing contradicts itself."""

import re
from collections.abc import Iterator, Sequence

from petset.api.field import FieldError, duplicate, invalid, required
from petset.api.types import AppArmorProfile, PodSecurityContext, SeccompProfile, SecurityContext, Sysctl
from petset.kinds.checks import optional_one_of
from petset.kinds.podspec.windows import windows_errors

_LARGEST_ID = 2**31 - 1
_LONGEST_SYSCTL = 253
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")


def pod_security_errors(path: str, context: PodSecurityContext) -> Iterator[FieldError]:
    """The settings of a pod as a whole."""
    yield from _id(f"{path}.fsGroup", context.fs_group)
    yield from _id(f"{path}.runAsUser", context.run_as_user)
    yield from _id(f"{path}.runAsGroup", context.run_as_group)
    for index, group in enumerate(context.supplemental_groups):
        yield from _id(f"{path}.supplementalGroups[{index}]", group)
    yield from _sysctls_errors(f"{path}.sysctls", context.sysctls)
    yield from optional_one_of(
        f"{path}.fsGroupChangePolicy", context.fs_group_change_policy, ("Always", "OnRootMismatch")
    )
    yield from _seccomp_errors(f"{path}.seccompProfile", context.seccomp_profile)
    yield from windows_errors(f"{path}.windowsOptions", context.windows_options)
    yield from _app_armor_errors(f"{path}.appArmorProfile", context.app_armor_profile)
    yield from optional_one_of(
        f"{path}.supplementalGroupsPolicy", context.supplemental_groups_policy, ("Merge", "Strict")
    )
    yield from optional_one_of(f"{path}.seLinuxChangePolicy", context.se_linux_change_policy, ("Recursive",))


def container_security_errors(path: str, context: SecurityContext) -> Iterator[FieldError]:
    """The settings of one container."""
    yield from _id(f"{path}.runAsUser", context.run_as_user)
    yield from _id(f"{path}.runAsGroup", context.run_as_group)
    yield from _seccomp_errors(f"{path}.seccompProfile", context.seccomp_profile)
    yield from _app_armor_errors(f"{path}.appArmorProfile", context.app_armor_profile)
    yield from optional_one_of(f"{path}.procMount", context.proc_mount, ("Default", "Unmasked"))
    if context.allow_privilege_escalation is False:
        if context.privileged:
            rule = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            yield invalid(path, context, rule)
        if context.capabilities is not None and "CAP_SYS_ADMIN" in context.capabilities.add:
            rule = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            yield invalid(path, context, rule)
    yield from windows_errors(f"{path}.windowsOptions", context.windows_options)


def _id(path: str, number: int | None) -> Iterator[FieldError]:
    if number is not None and not 0 <= number <= _LARGEST_ID:
        yield invalid(path, number, f"must be between 0 and {_LARGEST_ID}, inclusive")


def _sysctls_errors(path: str, sysctls: Sequence[Sysctl]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        where = f"{path}[{index}].name"
        if not sysctl.name:
            yield required(where)
        elif len(sysctl.name) > _LONGEST_SYSCTL or not re.fullmatch(_SYSCTL, sysctl.name):
            yield invalid(
                where, sysctl.name, f"must have at most {_LONGEST_SYSCTL} characters and match regex ^{_SYSCTL}$"
            )
        elif sysctl.name in seen:
            yield duplicate(where, sysctl.name)
        seen.add(sysctl.name)


def _type_errors(path: str, type_: str, field: str) -> Iterator[FieldError]:
    if not type_:
        yield required(path, f"type is required when {field} is set")
    else:
        yield from optional_one_of(path, type_, _PROFILES)


def _app_armor_errors(path: str, profile: AppArmorProfile | None) -> Iterator[FieldError]:
    if profile is None:
        return
    yield from _type_errors(f"{path}.type", profile.type, "appArmorProfile")
    if profile.type == "Localhost" and not (profile.localhost_profile or "").strip():
        yield required(f"{path}.localhostProfile", "must be set when AppArmor type is Localhost")
    if profile.type != "Localhost" and profile.localhost_profile is not None:
        rule = "can only be set when AppArmor type is Localhost"
        yield invalid(f"{path}.localhostProfile", profile.localhost_profile, rule)


def _seccomp_errors(path: str, profile: SeccompProfile | None) -> Iterator[FieldError]:
    if profile is None:
        return
    yield from _type_errors(f"{path}.type", profile.type, "seccompProfile")
    if profile.type == "Localhost" and not profile.localhost_profile:
        yield required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
    if profile.type != "Localhost" and profile.localhost_profile is not None:
        rule = "can only be set when seccomp type is Localhost"
        yield invalid(f"{path}.localhostProfile", profile.localhost_profile, rule)
