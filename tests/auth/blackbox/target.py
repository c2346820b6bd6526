"""A server under test, known by its issuer only: everything else is in its metadata (RFC 8414)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import jwt

from tests.support.signin import Away, Browser, Page, browser
from tests.support.signin import CodeRequest as Request

# The same in both servers.
PUBLIC: Final = "spa"
PUBLIC_URI: Final = "http://127.0.0.1:49152/callback"  # registered without a port (RFC 8252)
SECRET_CLIENT: Final = "partner"
SECRET_URI: Final = "https://partner.example/back"
SECRET: Final = "a-secret-of-the-partner"
SERVICE: Final = "gateway"
SERVICE_SECRET: Final = "a-secret-of-the-gateway"
SERVICE_SCOPE: Final = "internal.gateway"
DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE: Final = "openid profile offline_access"
_STEPS_MAX: Final = 10


@dataclass(frozen=True)
class Answer:
    """Of an endpoint that programs call."""

    status: int
    body: dict[str, Any]
    headers: Any

    @property
    def error(self) -> tuple[int, str]:
        """Status and OAuth error."""
        return self.status, str(self.body.get("error", ""))


@dataclass
class Target:
    """See above. ``person`` is what its sign-in form takes."""

    metadata: dict[str, Any]
    http: aiohttp.ClientSession
    person: dict[str, str]
    wait: Callable[[float], None]  # lets seconds pass where time matters

    @property
    def issuer(self) -> str:
        """As it calls itself."""
        return str(self.metadata["issuer"])

    def tab(self) -> AbstractAsyncContextManager[Browser]:
        """A browser without cookies."""
        return browser(self.issuer)

    def request(self, client: str = PUBLIC, scope: str = SCOPE) -> Request:
        """A good authorization request."""
        uri = PUBLIC_URI if client == PUBLIC else SECRET_URI
        return Request(client, uri, scope)

    def url(self, wanted: Request, **changes: str) -> str:
        """Of the authorization endpoint; an empty value leaves a parameter out. People are asked
        for their consent, or there is no offline access (OpenID Connect Core, section 11)."""
        given = {**wanted.parameters, "prompt": "consent", **changes}
        if "openid" not in wanted.scope.split():
            del given["prompt"], given["nonce"]
        given = {name: value for name, value in given.items() if value}
        return f"{self.metadata['authorization_endpoint']}?{urlencode(given)}"

    async def go(self, tab: Browser, url: str, *, allow: bool = True) -> Page | Away:
        """Do what the pages ask for: sign in, agree (or not); where that ends."""
        answer = await tab.open(url)
        for _ in range(_STEPS_MAX):
            if isinstance(answer, Away) or not answer.forms:
                return answer
            form = answer.forms[0]
            if "password" in form.fields:
                answer = await tab.submit(form, **self.person)
            elif allow or not (refuse := self._refusal(answer)):
                answer = await tab.submit(form, decision="allow")
            elif isinstance(refuse, str):
                return await tab.open(refuse)
            else:
                return await tab.submit(form, **refuse)
        raise AssertionError("no end of questions")

    @staticmethod
    def _refusal(page: Page) -> str | dict[str, str]:
        """A link to follow or fields to add, where the page offers to say no."""
        if link := re.search(r'href="([^"]*/abort)"', page.text):
            return link[1]
        if 'name="abort"' in page.text:
            return {"abort": "yes"}
        return {"decision": "deny"} if 'value="deny"' in page.text else {}

    async def code(self, request: Request) -> str:
        """A code for the person."""
        async with self.tab() as tab:
            answer = await self.go(tab, self.url(request))
        return request.code(answer)

    async def tokens(self, client: str = PUBLIC, scope: str = SCOPE) -> dict[str, Any]:
        """By a new sign-in."""
        request = self.request(client, scope)
        answer = await self.token(**request.grant(await self.code(request)), **_secret(client))
        assert answer.status == 200, answer
        return answer.body

    async def token(self, **form: str) -> Answer:
        """What the token endpoint says to a form."""
        return await self.post("token_endpoint", form)

    async def refresh(self, token: str, **more: str) -> Answer:
        """Likewise to a refresh by the public client."""
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": PUBLIC}
        return await self.token(**{**form, **more})

    async def post(
        self, endpoint: str, form: dict[str, str] | list[tuple[str, str]], **options: Any
    ) -> Answer:
        """What an endpoint of the metadata says to a form."""
        url = self.metadata[endpoint]
        async with self.http.post(url, data=form, allow_redirects=False, **options) as response:
            text = await response.text()
            body = json.loads(text) if "json" in response.content_type else {}
            return Answer(response.status, body, response.headers)

    async def person_of(self, token: str) -> Answer:
        """What the userinfo endpoint says about a token's bearer."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.get(self.metadata["userinfo_endpoint"], headers=headers) as response:
            body = await response.json() if "json" in response.content_type else {}
            return Answer(response.status, body, response.headers)

    async def verified(self, token: str, audience: str, **options: Any) -> dict[str, Any]:
        """An ID token's claims, checked with the published keys."""
        async with self.http.get(self.metadata["jwks_uri"]) as response:
            keys = {key["kid"]: key for key in (await response.json(content_type=None))["keys"]}
        key = jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]])
        found: dict[str, Any] = jwt.decode(
            token, key, ["ES256"], audience=audience, issuer=self.issuer, **options
        )
        return found


def _secret(client: str) -> dict[str, str]:
    return {"client_secret": SECRET} if client == SECRET_CLIENT else {}


def basic(name: str, secret: str) -> dict[str, str]:
    """A header: HTTP Basic."""
    return {"Authorization": aiohttp.encode_basic_auth(name, secret)}


def unguessable() -> str:
    """A token that nobody has issued."""
    return secrets.token_urlsafe(32)
