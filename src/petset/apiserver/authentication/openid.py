"""How others check the tokens of this server: OpenID Connect discovery,
as in upstream's `serviceaccount/openidmetadata.go`.

The address of the keys is the one under which pods reach the API, and which its certificate covers.
"""

import msgspec

from petset.apiserver.authentication.signing import ALGORITHM
from petset.apiserver.authentication.tokens import ServiceAccountTokens

CONFIGURATION_PATH = "/.well-known/openid-configuration"
KEYS_PATH = "/openid/v1/jwks"
MOST_SECONDS = 3600
"""How long the answers may be kept."""


def document(tokens: ServiceAccountTokens, path: str) -> tuple[bytes, str] | None:
    """The document at a path and its media type; None where there is none."""
    if path == CONFIGURATION_PATH:
        return _configuration(tokens.issuer), "application/json"
    if path == KEYS_PATH:
        return msgspec.json.encode({"keys": [tokens.key.public_jwk]}), "application/jwk-set+json"
    return None


def _configuration(issuer: str) -> bytes:
    return msgspec.json.encode(
        {
            "issuer": issuer,
            "jwks_uri": f"{issuer}{KEYS_PATH}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }
    )
