"""Introspection (RFC 7662): for authenticated services, and one answer for all that is not good."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from tests.auth.rig import GATEWAY_SECRET, PARTNER_SECRET, Rig
from tests.support.signin import CLIENT_ID, Tokens, refresh

INACTIVE = {"active": False}
PATH = "/connect/introspect"


async def _look(rig: Rig, token: str) -> dict[str, Any]:
    form = {"token": token, "client_id": "gateway", "client_secret": GATEWAY_SECRET}
    status, answer, headers = await rig.post(PATH, form)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    return answer


async def test_good_tokens_are_described(rig: Rig, ada: Tokens) -> None:
    found = await _look(rig, ada.access_token)
    assert found == {"active": True, "token_type": "Bearer", **ada.claims}
    found = await _look(rig, ada.refresh_token)
    assert (found["active"], found["sub"], found["client_id"]) == (True, ada.user, CLIENT_ID)
    assert (found["sid"], found["scope"]) == (ada.session, ada.scope)
    _, service, _ = await rig.token(
        grant_type="client_credentials", client_id="gateway", client_secret=GATEWAY_SECRET
    )
    found = await _look(rig, service["access_token"])
    assert (found["active"], found["scope"]) == (True, "internal.gateway")


async def test_used_refresh_token_is_inactive(rig: Rig, ada: Tokens) -> None:
    await refresh(rig.url, ada)
    assert await _look(rig, ada.refresh_token) == INACTIVE


@pytest.mark.parametrize("why", ["ended", "expired", "disabled"])
async def test_what_is_over_is_inactive(rig: Rig, ada: Tokens, why: str) -> None:
    if why == "ended":
        await rig.database.execute("UPDATE sessions SET ended_at = now()")  # nobody told by Redis
    elif why == "disabled":
        await rig.database.execute("UPDATE users SET disabled_at = now()")
    else:
        rig.clock.now += 301
        await rig.database.execute("UPDATE refresh_tokens SET expires_at = now()")
    assert await _look(rig, ada.access_token) == INACTIVE
    assert await _look(rig, ada.refresh_token) == INACTIVE


async def test_nonsense_and_other_tokens_are_inactive(rig: Rig, ada: Tokens) -> None:
    forged = jwt.encode(ada.claims, "x" * 32, algorithm="HS256", headers={"typ": "at+jwt"})
    for token in ("nonsense", "a.b.c", ada.id_token, forged, ada.access_token[:-4] + "AAAA"):
        assert await _look(rig, token) == INACTIVE


@pytest.mark.parametrize(
    ("client", "secret", "status"),
    [
        ("gateway", "wrong", 401),
        ("gateway", "", 401),
        ("nobody", "", 401),
        (CLIENT_ID, "", 403),
        ("partner", PARTNER_SECRET, 403),
    ],
)
async def test_only_authenticated_services_may_ask(
    rig: Rig, ada: Tokens, client: str, secret: str, status: int
) -> None:
    form = {"token": ada.access_token, "client_id": client, "client_secret": secret}
    answered, answer, _ = await rig.post(PATH, form)
    assert answered == status
    assert set(answer) == {"error", "error_description"}
