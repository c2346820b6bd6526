"""Where access tokens come from, fresh in time and refreshed by one at a time."""

from __future__ import annotations

import asyncio
from typing import Protocol

import aiohttp
import msgspec

from agileim.errors import SignedOut
from agileim.oauth import OAuth
from agileim.profiles import Profile, ProfileFile, TokenSet

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
            # The refresh token works once: between spending it and keeping the new one nothing
            # may interrupt, or the session would be lost.
            task = asyncio.create_task(self._refresh(profile))
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait({task})
                if not task.cancelled():
                    task.exception()
                raise

    async def _refresh(self, profile: Profile) -> TokenSet:
        oauth = OAuth(profile.url, self._http, profile.client_id)
        tokens = await oauth.refresh(profile.tokens.refresh_token)
        self._file.write(msgspec.structs.replace(profile, tokens=tokens))
        return tokens


def _usable(tokens: TokenSet, rejected: str) -> bool:
    if tokens.access_token == rejected:
        return False
    remaining_s = tokens.remaining_s()
    # Of unknown age (the machine was restarted): try it, the server will say.
    return remaining_s is None or remaining_s > min(MARGIN_S, tokens.expires_in / 5)
