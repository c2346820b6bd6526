"""Which path leads to which handler."""

from __future__ import annotations

from aiohttp import web

from services.auth.handlers import (
    account,
    authorize,
    bots,
    clients,
    device,
    device_authorization,
    discovery,
    end_session,
    introspection,
    register,
    revocation,
    signin,
    token,
    userinfo,
)
from services.auth.pages import STATIC


def routes() -> list[web.AbstractRouteDef]:
    """All routes of auth."""
    return [
        web.get("/.well-known/openid-configuration", discovery.metadata),
        web.get("/.well-known/oauth-authorization-server", discovery.metadata),
        web.get("/.well-known/jwks.json", discovery.jwks),
        web.get("/connect/authorize", authorize.authorize),
        web.post("/connect/authorize", authorize.authorize_by_post),
        web.post("/connect/consent", authorize.consent),
        web.get("/connect/signin", signin.show),
        web.post("/connect/signin", signin.submit),
        web.get("/connect/signout", signin.show_sign_out),
        web.post("/connect/signout", signin.sign_out),
        web.get("/connect/register", register.show),
        web.post("/connect/register", register.submit),
        web.post("/connect/token", token.token),
        web.post("/connect/revocation", revocation.revocation),
        web.post("/connect/introspect", introspection.introspection),
        web.get("/connect/endsession", end_session.show),
        web.post("/connect/endsession", end_session.show),
        web.post("/connect/endsession/confirm", end_session.submit),
        web.post("/connect/deviceauthorization", device_authorization.device_authorization),
        web.get("/connect/device", device.show),
        web.post("/connect/device", device.submit),
        web.get("/connect/userinfo", userinfo.userinfo),
        web.post("/connect/userinfo", userinfo.userinfo),
        web.post("/connect/account/password", account.change_password),
        web.get("/connect/account/sessions", account.sessions),
        web.delete("/connect/account/sessions", account.end_sessions),
        web.delete("/connect/account/sessions/{session}", account.end_session),
        web.get("/connect/account/bots", bots.bots),
        web.post("/connect/account/bots", bots.create),
        web.delete("/connect/account/bots/{bot}", bots.end),
        web.post("/connect/account/bots/{bot}/secrets", bots.rotate_secret),
        web.delete("/connect/account/bots/{bot}/secrets/{secret}", bots.revoke_secret),
        web.get("/internal/v1/clients", clients.page),
        web.post("/internal/v1/clients", clients.create),
        web.get("/internal/v1/clients/{client_id}", clients.show),
        web.patch("/internal/v1/clients/{client_id}", clients.change),
        web.delete("/internal/v1/clients/{client_id}", clients.delete),
        web.post("/internal/v1/clients/{client_id}/secrets", clients.rotate_secret),
        web.delete("/internal/v1/clients/{client_id}/secrets/{secret}", clients.revoke_secret),
        web.post("/internal/v1/bots", clients.make_bot),
        web.static("/static/auth", STATIC),
    ]
