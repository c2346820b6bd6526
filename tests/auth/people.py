"""People in browsers who sign in with more than a password."""

from __future__ import annotations

import json
import re
from typing import Any

import pyotp

from tests.auth.rig import PASSWORD, Front, Rig
from tests.auth.software_authenticator import SoftwareAuthenticator
from tests.support.signin import Away, Browser, CodeRequest, Form, Page

ACCOUNT = "/connect/account"


async def open_page(tab: Browser, path: str) -> Page:
    """GET a page of ours."""
    page = await tab.open(path)
    assert isinstance(page, Page)
    return page


async def send(tab: Browser, form: Form, **fields: str) -> Page:
    """Send a form that is answered by a page of ours."""
    answer = await tab.submit(form, **fields)
    assert isinstance(answer, Page), answer
    return answer


async def sign_in_at(tab: Browser, handle: str = "ada", path: str = ACCOUNT) -> Page:
    """Give the password on the way to a page."""
    page = await open_page(tab, f"/connect/signin?next={path}")
    return await send(tab, form_to(page, "/connect/signin"), handle=handle, password=PASSWORD)


def form_to(page: Page, action: str) -> Form:
    """The form of a page that is sent to this path."""
    found = [form for form in page.forms if form.action == action]
    assert found, f"{page.url} {page.status}: {page.words}"
    return found[0]


def code_at(rig: Front, secret: str, steps: int = 0) -> str:
    """What the authenticator application shows, by the rig's clock."""
    return pyotp.TOTP(secret).at(int(rig.clock()) + 30 * steps)


def secret_on(page: Page) -> str:
    """The secret that a page shows as text."""
    found = re.search(r'<p class="code small">([A-Z2-7 ]+)</p>', page.text)
    assert found is not None, page.words
    return found[1].replace(" ", "")


def codes_on(page: Page) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r"<li>([A-Z2-9]{4}(?:-[A-Z2-9]{4}){3})</li>", page.text)


async def set_up_authenticator(rig: Front, tab: Browser) -> tuple[str, list[str]]:
    """Secret and recovery codes of somebody who has just signed in."""
    page = await open_page(tab, f"{ACCOUNT}/authenticator")
    secret = secret_on(page)
    done = await send(tab, form_to(page, f"{ACCOUNT}/authenticator"), code=code_at(rig, secret))
    return secret, codes_on(done)


async def options_for(tab: Browser, purpose: str, form: Form) -> tuple[int, dict[str, Any]]:
    """What the page's script is told to ask the browser for."""
    body = {"form_token": form.fields["form_token"], "purpose": purpose}
    url = f"{tab.base_url}/connect/passkey/options"
    async with tab.http.post(url, data=body) as response:
        return response.status, json.loads(await response.text())


async def set_up_passkey(tab: Browser, key: SoftwareAuthenticator, name: str = "Laptop") -> Page:
    """The page that follows."""
    page = await open_page(tab, f"{ACCOUNT}/passkeys/new")
    form = form_to(page, f"{ACCOUNT}/passkeys/new")
    status, options = await options_for(tab, "register", form)
    assert status == 200, options
    return await send(tab, form, credential=key.create(options), name=name)


async def by_passkey(tab: Browser, key: SoftwareAuthenticator, wanted: CodeRequest) -> Page | Away:
    """Sign in with a passkey alone, on the way to a code."""
    page = await open_page(tab, wanted.path(prompt="login"))
    form = form_to(page, "/connect/signin/passkey")
    status, options = await options_for(tab, "sign_in", form)
    assert status == 200, options
    return await tab.submit(form, credential=key.get(options))


async def id_token_claims(rig: Rig, wanted: CodeRequest, code: str) -> dict[str, Any]:
    """Of the ID token that the code gives."""
    status, tokens, _ = await rig.token(**wanted.grant(code))
    assert status == 200, tokens
    claims: dict[str, Any] = rig.auth.keys.verify(
        tokens["id_token"], "JWT", audience=wanted.client_id, issuer=rig.settings.issuer,
        options={"verify_iat": False},  # the rig's clock may be ahead
    )  # fmt: skip
    return claims
