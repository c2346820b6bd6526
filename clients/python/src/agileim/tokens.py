"""Where access tokens come from, fresh in time and refreshed by one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

import aiohttp
import msgspec

from agileim.errors import SignedOut
from agileim.oauth import CLIENT_ID, OAuth
from agileim.profiles import Profile, ProfileFile, TokenSet

T = TypeVar("T")

MARGIN_S = 30.0  # a token that ends sooner is replaced before use


class TokenSource(Protocol):
    """Gives access tokens. Write your own to bring tokens from elsewhere."""

    async def access_token(self, *, rejected: str = "") -> str:
        """A token that is expected to work, and is not `rejected` (one the server refused).

        Raises :class:`SignedOut` when there is none to be had, :class:`Unreachable`.
        """


class StaticToken:
    """One token, as long as it lasts."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def access_token(self, *, rejected: str = "") -> str:
        """The token."""
        if rejected == self._token:
            raise SignedOut("the token is not accepted")
        return self._token


class ProfileTokens:
    """The tokens of a profile: refreshed before they end, shared with other processes."""

    def __init__(self, file: ProfileFile, http: aiohttp.ClientSession) -> None:
        self._file = file
        self._http = http
        self._current: TokenSet | None = None
        self._one_at_a_time = asyncio.Lock()

    async def access_token(self, *, rejected: str = "") -> str:
        """See :class:`TokenSource`."""
        if self._current is not None and _usable(self._current, rejected):
            return self._current.access_token
        async with self._one_at_a_time:
            if self._current is None or not _usable(self._current, rejected):
                self._current = await self._read_or_refresh(rejected)
            return self._current.access_token

    async def _read_or_refresh(self, rejected: str) -> TokenSet:
        async with self._file.lock():
            # Perhaps another process has refreshed meanwhile.
            profile = self._file.read()
            if profile is None:
                raise SignedOut(f"nobody is signed in as profile {self._file.name!r}")
            if _usable(profile.tokens, rejected):
                return profile.tokens
            return await uninterrupted(self._refresh(profile))

    async def _refresh(self, profile: Profile) -> TokenSet:
        oauth = OAuth(profile.url, self._http, profile.client_id)
        tokens = await oauth.refresh(profile.tokens.refresh_token)
        self._file.write(msgspec.structs.replace(profile, tokens=tokens))
        return tokens


class MemoryTokens:
    """Tokens kept in memory only, refreshed before they end: for servers and tests."""

    def __init__(self, base_url: str, tokens: TokenSet, client_id: str = CLIENT_ID) -> None:
        self.tokens = tokens
        self._base_url = base_url
        self._client_id = client_id
        self._one_at_a_time = asyncio.Lock()

    async def access_token(self, *, rejected: str = "") -> str:
        """See :class:`TokenSource`."""
        async with self._one_at_a_time:
            if not _usable(self.tokens, rejected):
                await uninterrupted(self._refresh())
            return self.tokens.access_token

    async def _refresh(self) -> None:
        async with aiohttp.ClientSession() as http:
            oauth = OAuth(self._base_url, http, self._client_id)
            self.tokens = await oauth.refresh(self.tokens.refresh_token)


class BotTokens:
    """Access tokens of a bot, by its secret (client credentials, RFC 6749, section 4.4).

    `bot` is the bot's user id; its owner makes the secret.
    """

    def __init__(self, base_url: str, bot: str, secret: str) -> None:
        self._base_url = base_url
        self._bot = bot
        self._secret = secret
        self._current: TokenSet | None = None
        self._one_at_a_time = asyncio.Lock()

    async def access_token(self, *, rejected: str = "") -> str:
        """See :class:`TokenSource`. :class:`SignedOut`: the secret is not accepted (any more)."""
        async with self._one_at_a_time:
            if self._current is None or not _usable(self._current, rejected):
                async with aiohttp.ClientSession() as http:
                    oauth = OAuth(self._base_url, http, self._bot)
                    self._current = await oauth.by_secret(self._secret)
            return self._current.access_token


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Await to the end even if cancelled meanwhile.

    The refresh token works once: if something came between spending it and keeping the new one,
    the session would be lost.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise


def _usable(tokens: TokenSet, rejected: str) -> bool:
    if tokens.access_token == rejected:
        return False
    remaining_s = tokens.remaining_s()
    # Of unknown age (the machine was restarted): try it, the server will say.
    return remaining_s is None or remaining_s > min(MARGIN_S, tokens.expires_in / 5)
