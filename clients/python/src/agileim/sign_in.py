"""Signing a profile in and out.

::

    await sign_in_with_browser("https://chat.example", "work", open_url=open_in_a_thread)
    await sign_in_with_device("https://chat.example", "work", show=print_it)
"""

from __future__ import annotations

from collections.abc import Callable

import aiohttp

from agileim import loopback
from agileim.errors import AgileIMError
from agileim.http import Http
from agileim.oauth import Device, OAuth, Pkce
from agileim.profiles import DEFAULT_PROFILE, Profile, ProfileFile, TokenSet
from agileim.rest import Api
from agileim.tokens import StaticToken

BROWSER_TIMEOUT_S = 600.0


async def sign_in_with_browser(
    base_url: str,
    profile: str | ProfileFile = DEFAULT_PROFILE,
    *,
    open_url: Callable[[str], object],
    register: bool = False,
    timeout_s: float = BROWSER_TIMEOUT_S,
) -> Profile:
    """Authorization code with PKCE; `open_url` gets the page's address. Keeps the profile.

    `open_url` must return at once; ``webbrowser.open`` may not, so call it in a thread.

    Raises :class:`SignInError` and :class:`Unreachable`.
    """
    async with aiohttp.ClientSession() as http, loopback.listen() as waiting:
        oauth = OAuth(base_url, http)
        waiting.issuer = (await oauth.metadata()).issuer
        pkce = Pkce.new()
        url = await oauth.authorize_url(
            waiting.redirect_uri, waiting.state, pkce, register=register
        )
        open_url(url)
        code = await waiting.code(timeout_s)
        tokens = await oauth.exchange(code, waiting.redirect_uri, pkce)
        return await keep(oauth, http, tokens, profile)


async def sign_in_with_device(
    base_url: str,
    profile: str | ProfileFile = DEFAULT_PROFILE,
    *,
    show: Callable[[Device], object],
) -> Profile:
    """Device flow; `show` tells the user the address and the code. Keeps the profile.

    Raises :class:`SignInError` and :class:`Unreachable`.
    """
    async with aiohttp.ClientSession() as http:
        oauth = OAuth(base_url, http)
        device = await oauth.device()
        show(device)
        tokens = await oauth.device_tokens(device)
        return await keep(oauth, http, tokens, profile)


async def keep(
    oauth: OAuth, http: aiohttp.ClientSession, tokens: TokenSet, profile: str | ProfileFile
) -> Profile:
    """Find out whose tokens these are, and write the profile."""
    me = await Api(Http(oauth.base_url, StaticToken(tokens.access_token), http)).me()
    file = ProfileFile(profile) if isinstance(profile, str) else profile
    signed_in = Profile(oauth.base_url, oauth.client_id, tokens, me.id, me.handle)
    async with file.lock():
        file.write(signed_in)
    return signed_in


async def sign_out(profile: str | ProfileFile = DEFAULT_PROFILE) -> bool:
    """End the profile's session at the server and forget it; whether there was one.

    The file is removed even when the server cannot be reached; then the error is raised.
    """
    file = ProfileFile(profile) if isinstance(profile, str) else profile
    async with file.lock():
        try:
            known = file.read()
            if known is None:
                return False
            async with aiohttp.ClientSession() as http:
                await OAuth(known.url, http, known.client_id).revoke(known.tokens.refresh_token)
        except AgileIMError:
            file.remove()
            raise
        file.remove()
    return True
