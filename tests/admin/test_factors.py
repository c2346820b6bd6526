"""``agileim admin factors`` against a whole running system."""

from __future__ import annotations

import asyncio

import aiohttp
import pyotp

from shared.ids import new_id
from standalone.stack import Stack
from tests.admin.test_clients import Admin, admin
from tests.support.servers import wait_until
from tests.support.signin import Tokens, register, sign_in

__all__ = ["admin"]

PASSWORD = "correct staple battery"


async def _with_authenticator(stack: Stack, handle: str) -> Tokens:
    """Somebody who has set one up."""
    tokens = await register(stack.url, handle, PASSWORD, "Ada")
    url = f"{stack.url}/connect/account/factors/authenticator"
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(url) as answer:
            secret = (await answer.json())["secret"]
        async with http.put(url, json={"code": pyotp.TOTP(secret).now()}) as answer:
            assert answer.status == 200
    return tokens


async def _inbox(stack: Stack, tokens: Tokens) -> list[str]:
    """What the system has told somebody."""
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.get(f"{stack.url}/v1/sync") as answer:
            [inbox] = [
                one["id"] for one in (await answer.json())["conversations"]
                if one["kind"] == "inbox"
            ] or [""]  # fmt: skip
        if not inbox:
            return []
        async with http.get(f"{stack.url}/v1/conversations/{inbox}/events") as answer:
            return [one["body"].get("text", "") for one in (await answer.json())["events"]]


async def _told(stack: Stack, tokens: Tokens, words: str) -> None:
    async def told() -> bool:
        return any(words in text for text in await _inbox(stack, tokens))

    await wait_until(told)


def test_lost_factors_are_taken_away(stack: Stack, admin: Admin) -> None:
    handle = f"ada{new_id()[-8:]}"
    tokens = asyncio.run(_with_authenticator(stack, handle))
    asyncio.run(_told(stack, tokens, "An authenticator app was set up"))
    [done] = admin("factors", "reset", handle, "--yes", "--reason", "lost phone")
    assert done["user"] == tokens.user
    again = asyncio.run(sign_in(stack.url, handle, PASSWORD))
    assert again.user == tokens.user
    asyncio.run(_told(stack, again, "removed all second factors"))
    [found] = [one for one in admin("audit", handle) if one["what"] == "factors_reset"]
    assert "olga" in found["detail"]
    assert "lost phone" in found["detail"]


def test_administrators_are_named(stack: Stack, admin: Admin) -> None:
    handle = f"bob{new_id()[-8:]}"
    asyncio.run(register(stack.url, handle, PASSWORD, "Bob"))
    for which in ("on", "off"):
        [done] = admin("factors", "administrator", handle, which)
        assert done["administrator"] == (which == "on")
    admin("factors", "reset", "nobody-of-that-name", "--yes", code=5)
