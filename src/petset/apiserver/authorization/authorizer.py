"""The one who answers. Upstream's order of authorizers: privileged groups first, then RBAC."""

from dataclasses import dataclass

from petset.api.types import PolicyRule, RoleRef
from petset.apiserver.authorization.attributes import Attributes, forbidden
from petset.apiserver.authorization.policy import Policy
from petset.apiserver.registry import Registry
from petset.apiserver.request import Identity

PRIVILEGED = "system:masters"


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, and why; a no that has no reason is one that nothing speaks for."""

    allowed: bool
    reason: str = ""


class Authorizer:
    """Answers by what is durable at the moment of the question."""

    def __init__(self, registry: Registry) -> None:
        self._policy = Policy(registry)

    def decide(self, asked: Attributes) -> Decision:
        """Whether this may be done."""
        if is_privileged(asked.user):
            return Decision(allowed=True)
        grants = self._policy.grants(asked.user, asked.namespace)
        reason = grants.reason(asked)
        if reason is not None:
            return Decision(allowed=True, reason=f"RBAC: allowed by {reason}")
        missing = aggregate(grants.missing())
        return Decision(allowed=False, reason=f"RBAC: {missing}" if missing else "")

    def check(self, asked: Attributes) -> None:
        """Raises Forbidden when this may not be done."""
        decision = self.decide(asked)
        if not decision.allowed:
            raise forbidden(asked, decision.reason)

    def rules_for(self, identity: Identity, namespace: str, called: str = "") -> tuple[list[PolicyRule], str]:
        """Every rule that somebody has in a namespace, and what went wrong in finding them.

        Roles that are not there are named by their kind, unless `called` says how.
        """
        grants = self._policy.grants(identity, namespace)
        return grants.rules(), aggregate(grants.missing(called))

    def rules_of(self, ref: RoleRef, namespace: str) -> list[PolicyRule] | None:
        """The rules of a role that is to be bound; None when there is no such role."""
        return self._policy.rules_of(ref, namespace)


def is_privileged(identity: Identity) -> bool:
    """Whether rules do not matter: members of this group may do everything."""
    return PRIVILEGED in identity.groups


def aggregate(errors: list[str]) -> str:
    """Several errors as Go shows them."""
    return errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]" if errors else ""
