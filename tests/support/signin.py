"""Signing in as a browser does: pages, forms, cookies, redirects; and code and PKCE as a native
application does (RFC 8252).

    tokens = await register("http://127.0.0.1:8080", "ada", "correct staple battery", "Ada")
    tokens = await sign_in("http://127.0.0.1:8080", "ada", "correct staple battery")

`base_url` is where auth's pages are: the edge, or auth itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import aiohttp
from yarl import URL

CLIENT_ID: Final = "agileim-cli"
REDIRECT_URI: Final = "http://127.0.0.1:49152/callback"  # nobody listens: it is only looked at
SCOPE: Final = "openid profile chat offline_access"
REDIRECTS_MAX: Final = 10


class SignInFailed(Exception):
    """The server did not let us in; the text has the status and what it said."""


@dataclass(frozen=True)
class Tokens:
    """The token endpoint's answer."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str
    id_token: str = ""

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Tokens:
        """From the answer's JSON."""
        return cls(
            access_token=reply["access_token"],
            refresh_token=reply.get("refresh_token", ""),
            expires_in=reply["expires_in"],
            scope=reply["scope"],
            id_token=reply.get("id_token", ""),
        )

    @property
    def claims(self) -> dict[str, Any]:
        """The access token's claims, not verified."""
        return claims_of(self.access_token)

    @property
    def user(self) -> str:
        """The user's id."""
        return str(self.claims["sub"])

    @property
    def session(self) -> str:
        """The session's id."""
        return str(self.claims["sid"])


@dataclass
class Form:
    """A form of a page, with what its fields hold."""

    action: str
    method: str
    fields: dict[str, str]


@dataclass
class Page:
    """What a browser shows."""

    url: str
    status: int
    headers: Mapping[str, str]
    text: str
    forms: list[Form] = field(default_factory=list)

    @property
    def form(self) -> Form:
        """The only form, or the only one that asks for a handle."""
        asking = [form for form in self.forms if "handle" in form.fields]
        if len(asking) == 1:
            return asking[0]
        if len(self.forms) != 1:
            raise SignInFailed(f"{self.url} answered {self.status}: {self.words}")
        return self.forms[0]

    @property
    def words(self) -> str:
        """The visible text."""
        return _Reader.read(self.text).words


class _Reader(HTMLParser):
    """Finds forms and visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._words: list[str] = []

    @classmethod
    def read(cls, text: str) -> _Reader:
        reader = cls()
        reader.feed(text)
        return reader

    @property
    def words(self) -> str:
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given["action"], given.get("method", "get").lower(), {}))
        elif tag == "input" and self.forms and given.get("name"):
            self.forms[-1].fields[given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        self._words.append(data)


@dataclass(frozen=True)
class Away:
    """A redirect to another site: what a native application's loopback listener would get."""

    location: str

    @property
    def parameters(self) -> dict[str, str]:
        """Of the answer."""
        return dict(parse_qsl(urlsplit(self.location).query))


class Browser:
    """Follows links and redirects within one site, keeps cookies, fills in forms."""

    def __init__(
        self, base_url: str, http: aiohttp.ClientSession, headers: Mapping[str, str] | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.http = http
        self._headers = dict(headers or {})

    async def open(self, path: str) -> Page | Away:
        """GET a page, following redirects up to where they leave the site."""
        return await self._go("GET", path, None)

    async def submit(self, form: Form, **fields: str) -> Page | Away:
        """Send a form with these fields changed."""
        data = {**form.fields, **fields}
        if form.method == "get":
            return await self._go("GET", f"{form.action}?{urlencode(data)}", None)
        return await self._go("POST", form.action, data)

    async def _go(self, method: str, path: str, data: dict[str, str] | None) -> Page | Away:
        url = urljoin(f"{self.base_url}/", path)
        for _ in range(REDIRECTS_MAX):
            async with self.http.request(
                method, URL(url, encoded=True), data=data, allow_redirects=False,
                headers=self._headers,
            ) as response:  # fmt: skip
                text = await response.text()
                if response.status not in (302, 303):
                    forms = _Reader.read(text).forms
                    return Page(url, response.status, response.headers.copy(), text, forms)
                url = urljoin(url, response.headers["Location"])
            method, data = "GET", None
            if not url.startswith(f"{self.base_url}/"):
                return Away(url)
        raise SignInFailed(f"more than {REDIRECTS_MAX} redirects")


@asynccontextmanager
async def browser(
    base_url: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Browser]:
    """A browser without cookies."""
    # unsafe: keeps the cookies of IP addresses too.
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(base_url, http, headers)


@dataclass(frozen=True)
class CodeRequest:
    """An application's authorization request with its secrets."""

    client_id: str = CLIENT_ID
    redirect_uri: str = REDIRECT_URI
    scope: str = SCOPE
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def parameters(self) -> dict[str, str]:
        """Of the authorization request (RFC 7636, section 4.3)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }

    def path(self, **more: str) -> str:
        """Of the authorization endpoint, with this request; an empty value leaves one out."""
        parameters = {**self.parameters, **more}
        return "/connect/authorize?" + urlencode(
            {name: value for name, value in parameters.items() if value}
        )

    def code(self, answer: Page | Away) -> str:
        """The code in the answer, when it is the answer to this request."""
        if isinstance(answer, Page):
            raise SignInFailed(f"{answer.url} answered {answer.status}: {answer.words}")
        found = answer.parameters
        if found.get("state") != self.state or "code" not in found:
            raise SignInFailed(f"not the answer to our request: {found.get('error', 'no code')}")
        return found["code"]

    def grant(self, code: str, **changes: str) -> dict[str, str]:
        """The form for the token endpoint (RFC 7636, section 4.5)."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **changes,
        }


async def register(base_url: str, handle: str, password: str, display_name: str) -> Tokens:
    """Create an account on the page and sign in with it. Raises SignInFailed."""
    fields = {"handle": handle, "password": password, "display_name": display_name}
    return await _through_page(base_url, "create", fields)


async def sign_in(base_url: str, handle: str, password: str) -> Tokens:
    """Sign in on the page. Raises SignInFailed."""
    return await _through_page(base_url, "login", {"handle": handle, "password": password})


async def refresh(base_url: str, tokens: Tokens, client_id: str = CLIENT_ID) -> Tokens:
    """The next tokens. Raises SignInFailed."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens.refresh_token,
        "client_id": client_id,
    }
    async with aiohttp.ClientSession() as http:
        return await exchange(http, base_url, form)


async def exchange(http: aiohttp.ClientSession, base_url: str, form: dict[str, str]) -> Tokens:
    """Ask the token endpoint. Raises SignInFailed."""
    async with http.post(f"{base_url.rstrip('/')}/connect/token", data=form) as response:
        text = await response.text()
        if response.status != 200:
            raise SignInFailed(f"the token endpoint answered {response.status}: {text}")
        return Tokens.of(json.loads(text))


def claims_of(token: str) -> dict[str, Any]:
    """A JWT's claims, not verified."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


async def _through_page(base_url: str, prompt: str, fields: dict[str, str]) -> Tokens:
    wanted = CodeRequest()
    async with browser(base_url) as tab:
        page = await tab.open(wanted.path(prompt=prompt))
        if not isinstance(page, Page):
            raise SignInFailed(f"no page but a redirect: {page.parameters.get('error', '')}")
        code = wanted.code(await tab.submit(page.form, **fields))
        return await exchange(tab.http, base_url, wanted.grant(code))
