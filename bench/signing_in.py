"""What signing in costs: logins, refreshes, and the check of an access token.

Logins and refreshes go to the running system and count the CPU of all its processes. A token is
checked in the process that got it, so that is measured here, in this process: with signatures that
were never seen, then with ones that are remembered.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from bench.target import Target
from bench.window import Window, result
from shared.ids import new_id
from shared.tokens import ALGORITHM, USER_AUDIENCE, TokenVerifier
from standalone.provision import CLIENT_ID, SCOPE

REDIRECT_URI: Final = "http://127.0.0.1:1/callback"  # nobody goes there
PASSWORD: Final = "correct staple battery"
# More than the threads that hash, fewer than may fail at once from one address.
LOGINS_IN_FLIGHT: Final = 4
REFRESHES_IN_FLIGHT: Final = 32
CHECKED: Final = 5_000  # different tokens
REMEMBERED: Final = 500_000
_FIELD: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class LoginFailed(Exception):
    """A page was not what it should be."""


class Visitor:
    """A browser, as far as signing in needs one."""

    def __init__(self, auth_url: str, http: aiohttp.ClientSession, handle: str) -> None:
        self._url = auth_url
        self._http = http
        self._handle = handle

    async def register(self) -> None:
        """Create the account."""
        await self._through("register", {"display_name": self._handle})

    async def log_in(self) -> None:
        """From the authorization request by the password to tokens (RFC 6749, section 4.1)."""
        self._http.cookie_jar.clear()
        await self._through("signin", {})

    async def _through(self, page: str, more: dict[str, str]) -> None:
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        asked = {
            "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI,
            "scope": SCOPE, "state": "x", "code_challenge_method": "S256",
            "code_challenge": challenge.rstrip(b"=").decode(),
        }  # fmt: skip
        following = f"/connect/authorize?{urlencode(asked)}"
        async with self._http.get(
            f"{self._url}/connect/{page}", params={"next": following}
        ) as shown:
            fields = dict(_FIELD.findall(await shown.text()))
        form = {**fields, "next": following, "handle": self._handle, "password": PASSWORD, **more}
        location = await self._sent("POST", f"{self._url}/connect/{page}", form)
        location = await self._sent("GET", urljoin(self._url, location), None)
        code = parse_qs(urlsplit(location).query).get("code", [""])[0]
        grant = {
            "grant_type": "authorization_code", "code": code, "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI, "code_verifier": verifier,
        }  # fmt: skip
        async with self._http.post(f"{self._url}/connect/token", data=grant) as answer:
            if answer.status != 200:
                raise LoginFailed(f"{answer.status}: {await answer.text()}")

    async def _sent(self, method: str, url: str, form: dict[str, str] | None) -> str:
        async with self._http.request(method, url, data=form, allow_redirects=False) as answer:
            if answer.status != 303:
                raise LoginFailed(f"{method} {url} answered {answer.status}")
            return answer.headers["Location"]


async def _loops(
    target: Target,
    acts: Sequence[Callable[[], Awaitable[object]]],
    warm_up_s: float,
    measured_s: float,
) -> dict[str, Any]:
    """Each does its act again and again; what one costs, and how many a core can do."""
    window = Window()

    async def loop(act: Callable[[], Awaitable[object]]) -> None:
        while True:
            before = time.perf_counter_ns()
            await act()
            if window.open:
                window.acked += 1
                window.latencies_ns.append(time.perf_counter_ns() - before)

    tasks = [asyncio.create_task(loop(act)) for act in acts]
    try:
        spent = await window.run(target.meter, warm_up_s, measured_s)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for fault in ended:
        if isinstance(fault, Exception):
            raise fault
    figures = result(window, spent, window.acked, in_flight=len(acts))
    total_us = figures["cpu_us"]["total"]
    return figures | {"per_core_per_s": round(1e6 / total_us, 1) if total_us else 0.0}


async def logins(target: Target, warm_up_s: float, measured_s: float) -> dict[str, Any]:
    """People at auth's pages, password hash included."""
    run = secrets.token_hex(4)
    # unsafe: keeps the cookies of IP addresses too.
    sessions = [
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        for _ in range(LOGINS_IN_FLIGHT)
    ]
    try:
        visitors = [
            Visitor(target.auth_url, http, f"login-{run}-{index}")
            for index, http in enumerate(sessions)
        ]
        for visitor in visitors:
            await visitor.register()
        acts = [visitor.log_in for visitor in visitors]
        return await _loops(target, acts, warm_up_s, measured_s)
    finally:
        for http in sessions:
            await http.close()


async def refreshes(target: Target, warm_up_s: float, measured_s: float) -> dict[str, Any]:
    """Sessions that rotate their refresh tokens as fast as they can."""
    people = await target.provision.people(REFRESHES_IN_FLIGHT, "refresh")
    acts = [lambda person=person: target.provision.renew([person]) for person in people]
    return await _loops(target, acts, warm_up_s, measured_s)


async def verifications(count: int, again: int) -> dict[str, dict[str, Any]]:
    """``count`` different tokens once, then ``again`` checks of the same ones; CPU of each."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm(ECAlgorithm.SHA256).to_jwk(key.public_key(), as_dict=True)

    async def jwks(_: web.Request) -> web.Response:
        return web.json_response({"keys": [{**public, "kid": "bench", "use": "sig"}]})

    app = web.Application()
    app.router.add_get("/jwks.json", jwks)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # listens
    try:
        async with aiohttp.ClientSession() as http:
            verifier = TokenVerifier(
                issuer="https://bench.example", audience=USER_AUDIENCE, http=lambda: http,
                jwks_url=f"http://127.0.0.1:{port}/jwks.json",
            )  # fmt: skip
            await verifier.ready()
            tokens = [_token(key) for _ in range(count)]
            first = await _verify(verifier, tokens, count)
            remembered = await _verify(verifier, tokens, again)
    finally:
        await runner.cleanup()
    return {"verify_first": first, "verify_remembered": remembered}


async def _verify(verifier: TokenVerifier, tokens: list[str], count: int) -> dict[str, Any]:
    size = len(tokens)
    before = time.process_time()
    for index in range(count):
        await verifier.verify(tokens[index % size])
    each_us = (time.process_time() - before) / count * 1e6
    return {
        "count": count,
        "cpu_us": {"total": round(each_us, 2)},
        "per_core_per_s": round(1e6 / each_us, 1),
    }


def _token(key: ec.EllipticCurvePrivateKey) -> str:
    """As auth makes them."""
    now = int(time.time())
    claims = {
        "iss": "https://bench.example", "sub": new_id(), "aud": USER_AUDIENCE, "exp": now + 300,
        "iat": now, "jti": new_id(), "client_id": CLIENT_ID, "scope": SCOPE, "sid": new_id(),
    }  # fmt: skip
    return jwt.encode(claims, key, ALGORITHM, headers={"typ": "at+jwt", "kid": "bench"})


async def run(target: Target, checked: int, warm_up_s: float, measured_s: float) -> dict[str, Any]:
    """All of them."""
    found = await verifications(checked, checked * (REMEMBERED // CHECKED))
    found["refreshes"] = await refreshes(target, warm_up_s, measured_s)
    found["logins"] = await logins(target, warm_up_s, measured_s)
    return found
