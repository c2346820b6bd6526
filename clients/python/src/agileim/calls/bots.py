"""One's own bots, at auth's ``/connect/account/bots``."""

from __future__ import annotations

from agileim.http import Http
from agileim.models import Bot, BotPage, BotSecret

BASE = "/connect/account/bots"


class BotCalls:
    """One's own bots: programs that take part as users of their own."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def bots(self) -> list[Bot]:
        """One's bots."""
        return (await self._http.request("GET", BASE, BotPage)).bots

    async def create_bot(self, handle: str, display_name: str) -> Bot:
        """Make a bot; its ``secret`` is told this once."""
        body = {"handle": handle, "display_name": display_name}
        return await self._http.request("POST", BASE, Bot, body=body)

    async def new_bot_secret(self, bot: str, *, overlap_s: int = 86_400) -> BotSecret:
        """Another secret; the one of before stays good for ``overlap_s`` seconds."""
        path = f"{BASE}/{bot}/secrets"
        return await self._http.request("POST", path, BotSecret, body={"overlap_s": overlap_s})

    async def revoke_bot_secret(self, bot: str, secret: str) -> None:
        """Take a secret back: what is signed in with it is signed out."""
        await self._http.request("DELETE", f"{BASE}/{bot}/secrets/{secret}")

    async def end_bot(self, bot: str) -> None:
        """End a bot, for good. Its messages stay."""
        await self._http.request("DELETE", f"{BASE}/{bot}")
