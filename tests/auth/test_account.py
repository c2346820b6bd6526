"""People and their own account: passwords, and the list of what is signed in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.auth.people import set_up_authenticator, sign_in_at
from tests.auth.rig import PARTNER_SECRET, PARTNER_URI, PASSWORD, Rig
from tests.support.signin import (
    Browser,
    CodeRequest,
    Page,
    SignInFailed,
    Tokens,
    browser,
    exchange,
    refresh,
    register,
    sign_in,
)

NEW = "another staple horse"
BASE = "/connect/account"


async def _ask(
    rig: Rig, method: str, path: str, token: str, body: Any = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{rig.url}{BASE}{path}"
    async with rig.http.request(method, url, headers=headers, json=body) as response:
        assert response.headers.get("Content-Type", "").startswith("application/") or (
            response.status == 204
        )
        return response.status, await response.json(content_type=None) or {}


def _change(current: str = PASSWORD, new: str = NEW) -> dict[str, str]:
    return {"current_password": current, "new_password": new}


async def test_changed_password_ends_all_other_sessions(rig: Rig, ada: Tokens) -> None:
    await rig.tokens()
    assert await _ask(rig, "POST", "/password", ada.access_token, _change()) == (204, {})
    assert await rig.live_sessions() == [ada.session]
    with pytest.raises(SignInFailed):
        await sign_in(rig.url, "ada", PASSWORD)
    assert (await sign_in(rig.url, "ada", NEW)).user == ada.user


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (_change(current="wrong"), 403, "current_password"),
        (_change(current="\0"), 403, "current_password"),
        (_change(new="short"), 422, "new_password"),
        (_change(new="password1234ada"), 422, "new_password"),
        ({"new_password": NEW}, 422, "current_password"),
        ([], 422, "_schema"),
    ],
)
async def test_password_stays(rig: Rig, ada: Tokens, body: Any, status: int, field: str) -> None:
    answered, problem = await _ask(rig, "POST", "/password", ada.access_token, body)
    assert (answered, problem["field"]) == (status, field)
    assert (await sign_in(rig.url, "ada", PASSWORD)).user == ada.user


async def test_guessing_with_a_stolen_token_is_throttled(rig: Rig, ada: Tokens) -> None:
    answers = [
        await _ask(rig, "POST", "/password", ada.access_token, _change(current=f"guess {n}"))
        for n in range(8)
    ]
    assert 429 in [status for status, _ in answers]
    assert answers[-1][1]["retry_after_ms"] > 0


async def test_sessions_are_listed_and_ended(rig: Rig, ada: Tokens) -> None:
    await register(rig.url, "bob", PASSWORD, "Bob")
    other = await rig.tokens()
    _, answer = await _ask(rig, "GET", "/sessions", ada.access_token)
    found = answer["sessions"]
    assert [(one["id"], one["current"]) for one in found] == [
        (other.session, False), (ada.session, True),
    ]  # fmt: skip
    assert {one["client_name"] for one in found} == {"AgileIM"}
    assert all(one["device"].startswith("Python") for one in found)
    path = f"/sessions/{other.session}"
    assert (await _ask(rig, "DELETE", path, ada.access_token))[0] == 204
    assert (await _ask(rig, "DELETE", path, ada.access_token))[0] == 404
    assert [told.sessions for told in await rig.revoked()] == [[other.session]]


async def test_sessions_of_others_cannot_be_ended(rig: Rig, ada: Tokens) -> None:
    bob = await register(rig.url, "bob", PASSWORD, "Bob")
    path = f"/sessions/{bob.session}"
    assert (await _ask(rig, "DELETE", path, ada.access_token))[0] == 404
    assert bob.session in await rig.live_sessions()


@pytest.mark.parametrize(
    ("method", "path", "body", "ours"),
    [
        ("POST", "/password", _change(), True),
        ("DELETE", "/sessions?others=true", None, True),
        ("DELETE", "/sessions", None, False),
    ],
)
async def test_browsers_that_are_signed_in_must_sign_in_again(
    rig: Rig, ada: Tokens, method: str, path: str, body: Any, ours: bool
) -> None:
    silent = CodeRequest("agileim-web", f"{rig.url}/callback").path(prompt="none")
    headers = {"Authorization": f"Bearer {ada.access_token}"}

    async def is_signed_in(tab: Browser) -> bool:
        async with tab.http.get(rig.url + silent, allow_redirects=False) as response:
            return "code=" in response.headers["Location"]

    async with browser(rig.url) as tab, browser(rig.url) as other:
        for one in (tab, other):
            await rig.code(one, CodeRequest())
            assert await is_signed_in(one)
        async with tab.http.request(
            method, f"{rig.url}{BASE}{path}", headers=headers, json=body
        ) as response:
            assert response.status == 204
        assert [await is_signed_in(one) for one in (tab, other)] == [ours, False]


async def test_all_sessions_end_with_or_without_ones_own(rig: Rig, ada: Tokens) -> None:
    await rig.tokens()
    assert (await _ask(rig, "DELETE", "/sessions?others=x", ada.access_token))[0] == 422
    assert (await _ask(rig, "DELETE", "/sessions?others=true", ada.access_token))[0] == 204
    assert await rig.live_sessions() == [ada.session]
    assert (await _ask(rig, "DELETE", "/sessions", ada.access_token))[0] == 204
    assert await rig.live_sessions() == []


async def test_applications_of_others_may_not_manage_the_account(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest(client_id="partner", redirect_uri=PARTNER_URI, scope="openid chat")
    async with browser(rig.url) as tab:
        page = await tab.open(wanted.path(prompt="login"))
        assert isinstance(page, Page)
        page = await tab.submit(page.form, handle="ada", password=PASSWORD)
        assert isinstance(page, Page)
        code = wanted.code(await tab.submit(page.forms[0], decision="allow"))
    _, tokens, _ = await rig.token(**wanted.grant(code), client_secret=PARTNER_SECRET)
    for method, path in (("GET", "/sessions"), ("DELETE", "/sessions"), ("POST", "/password")):
        assert (await _ask(rig, method, path, tokens["access_token"], _change()))[0] == 403
        assert (await _ask(rig, method, path, "", _change()))[0] == 401
        assert (await _ask(rig, method, path, ada.id_token, _change()))[0] == 401


async def _is_signed_in(rig: Rig, tab: Browser) -> bool:
    """Whether this browser gets a code without asking anybody."""
    silent = CodeRequest("agileim-web", f"{rig.url}/callback").path(prompt="none")
    async with tab.http.get(rig.url + silent, allow_redirects=False) as response:
        return "code=" in response.headers["Location"]


async def test_ending_one_session_ends_the_sign_in_of_its_browser(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as theirs, browser(rig.url) as another:
        code = await rig.code(theirs, wanted)
        session = (await exchange(theirs.http, rig.url, wanted.grant(code))).session
        await rig.code(theirs, CodeRequest())  # signs in once more since
        await rig.code(another, CodeRequest())
        path = f"/sessions/{session}"
        assert (await _ask(rig, "DELETE", path, ada.access_token))[0] == 204
        assert not await _is_signed_in(rig, theirs)
        assert await _is_signed_in(rig, another)


async def test_ending_one_session_on_the_page_ends_other_browsers_only(
    rig: Rig, ada: Tokens
) -> None:
    async with browser(rig.url) as ours, browser(rig.url) as theirs:
        for tab in (ours, theirs):
            wanted = CodeRequest()
            await exchange(tab.http, rig.url, wanted.grant(await rig.code(tab, wanted)))
        page = await ours.open(f"{BASE}/devices")
        assert isinstance(page, Page)
        form = next(form for form in page.forms if form.action == f"{BASE}/devices")
        living = await rig.live_sessions()
        assert len(living) == 3, "Ada's first, and one from each browser"
        for session in living:
            await ours.submit(form, session=session)
        assert await rig.live_sessions() == []
        assert await _is_signed_in(rig, ours)
        assert not await _is_signed_in(rig, theirs)


async def test_password_of_who_has_a_second_factor_needs_it_anew(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        await set_up_authenticator(rig, tab)
        page = await tab.open(wanted.path())
        assert isinstance(page, Page)
        code = wanted.code(await tab.submit(page.form, decision="allow"))
        strong = await exchange(tab.http, rig.url, wanted.grant(code))
    refreshed = await refresh(rig.url, strong)
    for token in (ada.access_token, refreshed.access_token):
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{rig.url}{BASE}/password"
        async with rig.http.post(url, headers=headers, json=_change()) as response:
            assert response.status == 401
            challenge = response.headers["WWW-Authenticate"]
            assert 'error="insufficient_user_authentication", max_age="600"' in challenge
            assert 'acr_values="urn:agileim:acr:2"' in challenge
    assert (await _ask(rig, "POST", "/password", strong.access_token, _change()))[0] == 204


async def test_page_for_the_password_needs_a_second_factor_anew(rig: Rig, ada: Tokens) -> None:
    path = f"{BASE}/new-password"
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        rig.clock.now += rig.settings.fresh_s + 1
        page = await tab.open(path)
        assert isinstance(page, Page)
        assert path in page.url, "who has none gives the password of before, which is enough"
        await sign_in_at(tab)
        await set_up_authenticator(rig, tab)
        page = await tab.open(path)
        assert isinstance(page, Page)
        rig.clock.now += rig.settings.fresh_s + 1
        for answer in (await tab.open(path), await tab.submit(page.form, **_change())):
            assert isinstance(answer, Page)
            assert "/connect/signin" in answer.url
    account = await rig.auth.accounts.by_id(ada.user)
    assert account is not None
    assert await rig.auth.hashes.verify(PASSWORD, account.password_hash), "it has not changed"
