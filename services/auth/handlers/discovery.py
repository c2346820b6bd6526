"""What clients need to know (RFC 8414; OpenID Connect Discovery 1.0; RFC 7517)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from services.auth.domain import pkce
from services.auth.domain.authentication import ACR_VALUES
from services.auth.domain.clients import GRANTS
from services.auth.domain.scopes import SUPPORTED
from services.auth.resources import AUTH
from shared.tokens import ALGORITHM

# Short: a new key should be seen before it signs.
_CACHE = {"Cache-Control": "public, max-age=30"}
_AUTHENTICATION = ["none", "client_secret_basic", "client_secret_post"]


def document(issuer: str) -> dict[str, Any]:
    """The metadata; one document serves both standards."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/connect/authorize",
        "token_endpoint": f"{issuer}/connect/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "userinfo_endpoint": f"{issuer}/connect/userinfo",
        "revocation_endpoint": f"{issuer}/connect/revocation",
        "device_authorization_endpoint": f"{issuer}/connect/deviceauthorization",
        "introspection_endpoint": f"{issuer}/connect/introspect",
        "end_session_endpoint": f"{issuer}/connect/endsession",
        "scopes_supported": list(SUPPORTED),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": _AUTHENTICATION,
        "revocation_endpoint_auth_methods_supported": _AUTHENTICATION,
        "introspection_endpoint_auth_methods_supported": _AUTHENTICATION[1:],
        "code_challenge_methods_supported": [pkce.METHOD],
        "authorization_response_iss_parameter_supported": True,  # RFC 9207, section 3
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "acr_values_supported": list(ACR_VALUES),
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "amr", "acr", "nonce",
                             "sid", "name", "preferred_username"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "ui_locales_supported": ["en", "zh-Hans"],
    }  # fmt: skip


async def metadata(request: web.Request) -> web.Response:
    """GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server"""
    return web.json_response(document(request.app[AUTH].settings.issuer), headers=_CACHE)


async def jwks(request: web.Request) -> web.Response:
    """GET /.well-known/jwks.json"""
    response = web.json_response(request.app[AUTH].keys.jwks, headers=_CACHE)
    response.content_type = "application/jwk-set+json"
    return response
