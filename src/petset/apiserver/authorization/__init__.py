"""Who may do what: role-based access control over the stored roles and bindings.

`attributes` is the question (who, which verb, on what) and the words of a refusal; `rules` says what one rule allows
and covers, and is pure; `policy` follows the stored roles and bindings; `authorizer` answers; `escalation` keeps people
from granting what they do not have; `reviews` answers questions that are asked through the API; `impersonation` lets
one act as another; `defaults` and `reconciliation` are the roles that every cluster has.
What must not live here: who a request comes from (see `authentication` and `petset.httpd`), and URLs.

Invariants: nothing is allowed that no rule allows, but to members of `system:masters`; an answer never costs more for
there being more roles, bindings or objects; requests from within the process do not come here at all.
"""
