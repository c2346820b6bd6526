"""Bots: a person makes one, its program signs in with a secret, and what ends it."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from shared.limits import BOTS_PER_OWNER_MAX
from tests.auth.rig import GATEWAY_SECRET, PASSWORD, Rig
from tests.support.signin import SignInFailed, Tokens, claims_of, register, sign_in

BASE = "/connect/account/bots"
BOT = {"handle": "helper", "display_name": "Helper"}


async def _ask(
    rig: Rig, method: str, path: str, token: str, body: Any = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with rig.http.request(
        method, f"{rig.url}{BASE}{path}", headers=headers, json=body
    ) as answer:
        return answer.status, await answer.json(content_type=None) or {}


async def _sign_in(rig: Rig, bot: str, secret: str) -> tuple[int, dict[str, Any]]:
    status, answer, _ = await rig.post(
        "/connect/token", {"grant_type": "client_credentials"},
        headers={"Authorization": aiohttp.encode_basic_auth(bot, secret)},
    )  # fmt: skip
    return status, answer


async def _introspected(rig: Rig, token: str) -> bool:
    _, answer, _ = await rig.post(
        "/connect/introspect", {"token": token},
        headers={"Authorization": aiohttp.encode_basic_auth("gateway", GATEWAY_SECRET)},
    )  # fmt: skip
    return bool(answer["active"])


async def test_bot_gets_tokens_of_its_own_user(rig: Rig, ada: Tokens) -> None:
    status, bot = await _ask(rig, "POST", "", ada.access_token, BOT)
    assert (status, bot["handle"], bot["owner"]) == (201, "helper", ada.user)
    status, answer = await _sign_in(rig, bot["id"], bot["secret"])
    assert (status, answer["scope"]) == (200, "chat")
    assert "refresh_token" not in answer
    claims = claims_of(answer["access_token"])
    assert (claims["sub"], claims["aud"], claims["client_id"], claims["sid"]) == (
        bot["id"], "agileim", bot["id"], bot["secrets"][0]["id"],
    )  # fmt: skip
    assert await _introspected(rig, answer["access_token"])
    _, listed = await _ask(rig, "GET", "", ada.access_token)
    assert [one["handle"] for one in listed["bots"]] == ["helper"]
    assert "secret" not in listed["bots"][0]
    account = await rig.auth.accounts.by_id(bot["id"])
    assert account is not None
    assert account.kind == "bot"


async def test_wrong_secret_is_refused(rig: Rig, ada: Tokens) -> None:
    _, bot = await _ask(rig, "POST", "", ada.access_token, BOT)
    for secret in ("", "wrong", bot["secret"][:-1]):
        assert (await _sign_in(rig, bot["id"], secret))[0] == 401
    assert (await _sign_in(rig, ada.user, bot["secret"]))[0] == 401


async def test_nobody_signs_in_to_a_bot_with_a_password(rig: Rig, ada: Tokens) -> None:
    await _ask(rig, "POST", "", ada.access_token, BOT)
    for password in (PASSWORD, " "):
        with pytest.raises(SignInFailed):
            await sign_in(rig.url, "helper", password)


async def test_secrets_overlap_and_a_revoked_one_ends_its_sockets(rig: Rig, ada: Tokens) -> None:
    _, bot = await _ask(rig, "POST", "", ada.access_token, BOT)
    first = bot["secrets"][0]["id"]
    path = f"/{bot['id']}/secrets"
    status, second = await _ask(rig, "POST", path, ada.access_token, {"overlap_s": 3600})
    assert status == 201
    _, old = await _sign_in(rig, bot["id"], bot["secret"])
    _, new = await _sign_in(rig, bot["id"], second["secret"])
    assert (await _ask(rig, "DELETE", f"{path}/{first}", ada.access_token))[0] == 204
    assert [told.sessions for told in await rig.revoked()] == [[first]]
    assert (await _sign_in(rig, bot["id"], bot["secret"]))[0] == 401
    assert not await _introspected(rig, old["access_token"])
    assert await _introspected(rig, new["access_token"])


async def test_two_secrets_are_good_at_once_and_no_longer_than_said(rig: Rig, ada: Tokens) -> None:
    _, bot = await _ask(rig, "POST", "", ada.access_token, BOT)
    path = f"/{bot['id']}/secrets"
    _, second = await _ask(rig, "POST", path, ada.access_token, {"overlap_s": 3600})
    for secret in (bot["secret"], second["secret"]):
        assert (await _sign_in(rig, bot["id"], secret))[0] == 200
    _, third = await _ask(rig, "POST", path, ada.access_token, {"overlap_s": 200})
    statuses = [
        (await _sign_in(rig, bot["id"], secret))[0]
        for secret in (bot["secret"], second["secret"], third["secret"])
    ]
    assert statuses == [401, 200, 200], "a third pushes the oldest out"
    rig.clock.now += 201
    statuses = [
        (await _sign_in(rig, bot["id"], secret))[0]
        for secret in (second["secret"], third["secret"])
    ]
    assert statuses == [401, 200]


async def test_ended_bot_is_out_for_good(rig: Rig, ada: Tokens) -> None:
    _, bot = await _ask(rig, "POST", "", ada.access_token, BOT)
    _, answer = await _sign_in(rig, bot["id"], bot["secret"])
    assert (await _ask(rig, "DELETE", f"/{bot['id']}", ada.access_token))[0] == 204
    assert (await _sign_in(rig, bot["id"], bot["secret"]))[0] == 401
    assert not await _introspected(rig, answer["access_token"])
    assert [told.sessions for told in await rig.revoked()] == [[bot["secrets"][0]["id"]]]
    assert (await _ask(rig, "GET", "", ada.access_token))[1] == {"bots": []}
    assert (await _ask(rig, "DELETE", f"/{bot['id']}", ada.access_token))[0] == 404


@pytest.mark.parametrize("whose", ["bot", "owner"])
async def test_disabled_account_gets_no_tokens(rig: Rig, ada: Tokens, whose: str) -> None:
    _, bot = await _ask(rig, "POST", "", ada.access_token, BOT)
    user = bot["id"] if whose == "bot" else ada.user
    await rig.database.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (user,))
    assert (await _sign_in(rig, bot["id"], bot["secret"]))[0] == 400


async def test_only_the_owner_manages_a_bot(rig: Rig, ada: Tokens) -> None:
    _, bot = await _ask(rig, "POST", "", ada.access_token, BOT)
    bob = await register(rig.url, "bob", PASSWORD, "Bob")
    _, answer = await _sign_in(rig, bot["id"], bot["secret"])
    for token, expected in ((bob.access_token, 404), (answer["access_token"], 403), ("x", 401)):
        for method, path in (
            ("DELETE", ""), ("POST", "/secrets"), ("DELETE", f"/secrets/{bot['secrets'][0]['id']}"),
        ):  # fmt: skip
            status, _ = await _ask(rig, method, f"/{bot['id']}{path}", token)
            assert status == expected
    assert (await _ask(rig, "POST", "", answer["access_token"], BOT))[0] == 403


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"handle": "ada", "display_name": "A"}, 409, "handle"),
        ({"handle": "a b", "display_name": "A"}, 422, "handle"),
        ({"handle": "good", "display_name": ""}, 422, "display_name"),
        ({"handle": "good"}, 422, "display_name"),
    ],
)
async def test_bad_bot_is_refused(
    rig: Rig, ada: Tokens, body: Any, status: int, field: str
) -> None:
    answered, problem = await _ask(rig, "POST", "", ada.access_token, body)
    assert (answered, problem["field"]) == (status, field)


async def test_number_of_bots_is_limited(rig: Rig, ada: Tokens) -> None:
    for n in range(BOTS_PER_OWNER_MAX):
        body = {"handle": f"bot{n}", "display_name": f"Bot {n}"}
        status, bot = await _ask(rig, "POST", "", ada.access_token, body)
        assert status == 201
    body = {"handle": "onemore", "display_name": "One more"}
    status, problem = await _ask(rig, "POST", "", ada.access_token, body)
    assert (status, problem["field"]) == (409, "owner")
    await _ask(rig, "DELETE", f"/{bot['id']}", ada.access_token)
    assert (await _ask(rig, "POST", "", ada.access_token, body))[0] == 201
