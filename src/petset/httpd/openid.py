"""OpenID Connect discovery as HTTP carries it: what others need who check the tokens of this server."""

from aiohttp import web

from petset.api.errors import MethodNotAllowed
from petset.apiserver.authentication import openid
from petset.apiserver.authentication.tokens import ServiceAccountTokens


def answer(request: web.BaseRequest, path: str, tokens: ServiceAccountTokens) -> web.Response | None:
    """The document at a path; None where there is none. Raises MethodNotAllowed."""
    found = openid.document(tokens, path)
    if found is None:
        return None
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed("the server does not allow this method on the requested resource")
    headers = {"Content-Type": found[1], "Cache-Control": f"public, max-age={openid.MOST_SECONDS}"}
    return web.Response(body=found[0], headers=headers)
