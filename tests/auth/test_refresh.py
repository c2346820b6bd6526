"""Refresh tokens: single use, and a family that ends when one is used twice (RFC 9700, 4.14.2)."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from tests.auth.rig import Front, Rig
from tests.support.servers import wait_until
from tests.support.signin import CLIENT_ID, CodeRequest, Tokens, browser, exchange, refresh


async def _refresh(rig: Rig, token: str, **more: str) -> tuple[int, dict[str, Any], Any]:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": CLIENT_ID}
    return await rig.token(**{**form, **more})


async def test_refresh_gives_new_tokens_of_the_same_session(rig: Rig, ada: Tokens) -> None:
    rig.clock.now += 10
    fresh = await refresh(rig.url, ada)
    assert fresh.refresh_token != ada.refresh_token
    assert fresh.claims["jti"] != ada.claims["jti"]
    assert fresh.claims["exp"] == ada.claims["exp"] + 10
    assert (fresh.user, fresh.session, fresh.scope) == (ada.user, ada.session, ada.scope)


async def test_scope_may_be_narrowed_and_never_widened(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest(scope="chat offline_access")
    async with browser(rig.url) as tab:
        code = await rig.code(tab, wanted)
        tokens = await exchange(tab.http, rig.url, wanted.grant(code))
    status, narrow, _ = await _refresh(rig, tokens.refresh_token, scope="chat")
    assert (status, narrow["scope"]) == (200, "chat")
    status, wide, _ = await _refresh(rig, narrow["refresh_token"], scope="openid chat")
    assert (status, wide["scope"]) == (200, "chat")
    status, whole, _ = await _refresh(rig, wide["refresh_token"])
    assert (status, whole["scope"]) == (200, "chat offline_access")


async def test_scope_that_nobody_may_have_costs_no_token(rig: Rig, ada: Tokens) -> None:
    status, answer, _ = await _refresh(rig, ada.refresh_token, scope="internal.auth")
    assert (status, answer["error"]) == (400, "invalid_scope")
    assert (await _refresh(rig, ada.refresh_token))[0] == 200


async def _let_retries_end(rig: Rig) -> None:
    """The moment passes in which a refresh may be asked for again."""
    await rig.database.execute(
        "UPDATE refresh_tokens SET replaced_at = replaced_at - interval '10 seconds'"
    )


async def test_lost_answer_is_given_again(rig: Rig, ada: Tokens) -> None:
    fresh = await refresh(rig.url, ada)
    again = await refresh(rig.url, ada)
    assert again.refresh_token == fresh.refresh_token
    assert again.session == fresh.session
    assert await rig.live_sessions() == [ada.session]
    assert (await _refresh(rig, again.refresh_token))[0] == 200


async def test_no_retry_once_the_successor_was_used(rig: Rig, ada: Tokens) -> None:
    fresh = await refresh(rig.url, ada)
    await refresh(rig.url, fresh)
    status, answer, _ = await _refresh(rig, ada.refresh_token)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert await rig.live_sessions() == []


async def test_disabled_user_cannot_retry(rig: Rig, ada: Tokens) -> None:
    await refresh(rig.url, ada)
    await rig.database.execute("UPDATE users SET disabled_at = now()")
    assert (await _refresh(rig, ada.refresh_token))[0] == 400


async def test_reuse_ends_the_family_and_tells_everybody(rig: Rig, ada: Tokens) -> None:
    fresh = await refresh(rig.url, ada)
    await _let_retries_end(rig)
    status, answer, headers = await _refresh(rig, ada.refresh_token)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert headers["Cache-Control"] == "no-store"
    assert await rig.live_sessions() == []
    status, answer, _ = await _refresh(rig, fresh.refresh_token)
    assert (status, answer["error"]) == (400, "invalid_grant")
    [told] = await rig.revoked()
    assert (told.sessions, told.user) == ([ada.session], ada.user)
    await wait_until(lambda: ada.session in rig.auth.revoked)


async def test_other_sessions_of_the_user_live_on(rig: Rig, ada: Tokens) -> None:
    other = await rig.tokens()
    await refresh(rig.url, ada)
    await _let_retries_end(rig)
    await _refresh(rig, ada.refresh_token)
    assert await rig.live_sessions() == [other.session]
    assert (await refresh(rig.url, other)).session == other.session


async def test_50_parallel_refreshes_leave_one_live_successor(rig: Rig, ada: Tokens) -> None:
    answers = await asyncio.gather(*(_refresh(rig, ada.refresh_token) for _ in range(50)))
    assert {status for status, _, _ in answers} == {200}
    [successor] = {answer["refresh_token"] for _, answer, _ in answers}
    rows = await rig.database.fetch_all("SELECT 1 FROM refresh_tokens WHERE replaced_by IS NULL")
    assert len(rows) == 1
    assert await rig.live_sessions() == [ada.session]
    assert (await _refresh(rig, successor))[0] == 200


async def test_token_of_another_client_is_unknown_and_unharmed(rig: Rig, ada: Tokens) -> None:
    status, answer, _ = await _refresh(rig, ada.refresh_token, client_id="native")
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert (await _refresh(rig, ada.refresh_token))[0] == 200


async def test_unused_token_expires(rig: Rig, ada: Tokens) -> None:
    await rig.database.execute("UPDATE refresh_tokens SET expires_at = now()")
    assert (await _refresh(rig, ada.refresh_token))[0] == 400


async def test_disabled_user_cannot_refresh(rig: Rig, ada: Tokens) -> None:
    await rig.database.execute("UPDATE users SET disabled_at = now()")
    assert (await _refresh(rig, ada.refresh_token))[0] == 400


async def test_tokens_are_not_kept_in_clear(rig: Rig, ada: Tokens) -> None:
    fresh = await refresh(rig.url, ada)
    rows = await rig.database.fetch_all("SELECT t::text FROM refresh_tokens t")
    rows += await rig.database.fetch_all("SELECT s::text FROM sessions s")
    assert rows
    for token in (ada.refresh_token, fresh.refresh_token):
        in_bytes = base64.urlsafe_b64decode(token + "=").hex()
        assert not any(token in row[0] or in_bytes in row[0] for row in rows)


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
async def test_revocation_ends_the_session(rig: Rig, ada: Tokens, which: str) -> None:
    form = {"token": getattr(ada, which), "client_id": CLIENT_ID, "token_type_hint": "nonsense"}
    status, _, _ = await rig.post("/connect/revocation", form)
    assert status == 200
    assert await rig.live_sessions() == []
    assert [one.sessions for one in await rig.revoked()] == [[ada.session]]
    assert (await _refresh(rig, ada.refresh_token))[0] == 400
    assert (await rig.post("/connect/revocation", form))[0] == 200


async def test_replaced_token_still_revokes_its_session(rig: Rig, ada: Tokens) -> None:
    await refresh(rig.url, ada)
    form = {"token": ada.refresh_token, "client_id": CLIENT_ID}
    assert (await rig.post("/connect/revocation", form))[0] == 200
    assert await rig.live_sessions() == []


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
async def test_revoking_nonsense_is_fine(rig: Rig, ada: Tokens, token: str) -> None:
    status, _, _ = await rig.post("/connect/revocation", {"token": token, "client_id": CLIENT_ID})
    assert status == 200
    assert await rig.live_sessions() == [ada.session]


async def test_revocation_of_another_clients_token_does_nothing(rig: Rig, ada: Tokens) -> None:
    for token in (ada.refresh_token, ada.access_token):
        form = {"token": token, "client_id": "agileim-web"}
        assert (await rig.post("/connect/revocation", form))[0] == 200
    assert await rig.live_sessions() == [ada.session]


async def test_revocation_needs_token_and_client(front: Front) -> None:
    status, answer, _ = await front.post("/connect/revocation", {"client_id": CLIENT_ID})
    assert (status, answer["error"]) == (400, "invalid_request")
    status, answer, _ = await front.post("/connect/revocation", {"token": "t", "client_id": "x"})
    assert (status, answer["error"]) == (401, "invalid_client")
