"""The pages: forms that only we can send, faults in the form, headers, languages, throttles."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web
from argon2 import PasswordHasher

from services.auth.cookies import Cookies
from tests.auth.rig import PASSWORD, Front, Rig, running
from tests.support.signin import (
    Away,
    Browser,
    CodeRequest,
    Page,
    SignInFailed,
    Tokens,
    browser,
    register,
    sign_in,
)


async def _page(tab: Browser, path: str) -> Page:
    page = await tab.open(path)
    assert isinstance(page, Page)
    return page


async def _submit(tab: Browser, page: Page, **fields: str) -> Page:
    answer = await tab.submit(page.form, **fields)
    assert isinstance(answer, Page)
    return answer


@pytest.mark.parametrize("path", ["/connect/signin", "/connect/register", "/connect/signout"])
async def test_form_without_its_token_is_refused(rig: Rig, ada: Tokens, path: str) -> None:
    async with browser(rig.url) as tab:
        page = await _page(tab, path)
        fields = {"handle": "ada", "password": PASSWORD, "display_name": "A"}
        for token in ("", "guessed", "\ud7ff" * 10):
            answer = await _submit(tab, page, **fields, form_token=token)
            assert answer.status == 403, token
        async with browser(rig.url) as other:
            stolen = (await _page(other, path)).form.fields["form_token"]
        answer = await _submit(tab, page, **fields, form_token=stolen)
        assert answer.status == 403, "another browser's"


async def test_form_token_without_cookie_is_refused(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        page = await _page(tab, "/connect/signin")
        tab.http.cookie_jar.clear()
        answer = await _submit(tab, page, handle="ada", password=PASSWORD)
    assert answer.status == 403


async def test_form_token_ends_with_the_sign_in(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        before = await _page(tab, "/connect/signout")
        await rig.code(tab, CodeRequest())
        assert (await _submit(tab, before)).status == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_form_from_another_origin_is_refused(rig: Rig, ada: Tokens, origin: str) -> None:
    async with browser(rig.url, {"Origin": origin}) as tab:
        page = await _page(tab, "/connect/signin")
        answer = await _submit(tab, page, handle="ada", password=PASSWORD)
        assert answer.status == 403
    async with browser(rig.url, {"Origin": rig.url}) as tab:
        assert await rig.code(tab, CodeRequest())


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await rig.code(tab, CodeRequest())
        cookies = {cookie.key: cookie for cookie in tab.http.cookie_jar}
    assert set(cookies) == {"agileim_browser", "agileim_signin"}
    for cookie in cookies.values():
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"


async def test_cookies_insist_on_tls_where_there_is_tls() -> None:
    response = web.Response()
    Cookies(secure=True).set_signin(response, "value", 10)
    cookie = response.cookies["__Host-agileim_signin"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]


@pytest.mark.parametrize(
    "path", ["/connect/signin", "/connect/register", "/connect/signout", "/connect/authorize"]
)
async def test_pages_have_no_scripts_and_cannot_be_framed(front: Front, path: str) -> None:
    async with browser(front.url) as tab:
        page = await _page(tab, path)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"
    assert "<script" not in page.text
    assert "style=" not in page.text


async def test_every_field_has_a_label_and_its_fault_is_announced(front: Front) -> None:
    async with browser(front.url) as tab:
        page = await _page(tab, "/connect/register")
        fields = {"handle": "!", "display_name": " ", "password": "short"}
        answer = await _submit(tab, page, **fields)
    assert answer.status == 422
    for name in fields:
        assert f'<label for="{name}">' in answer.text
        assert f'aria-describedby="{name}-fault {name}-hint"' in answer.text
        assert f'id="{name}-fault"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 3
    assert 'role="alert"' in answer.text
    assert "short" not in answer.form.fields["password"], "a password is never sent back"


async def test_what_people_type_is_escaped(rig: Rig) -> None:
    async with browser(rig.url) as tab:
        page = await _page(tab, "/connect/register")
        nasty = '"><script>alert(1)</script>'
        answer = await _submit(tab, page, handle=nasty, display_name=nasty, password="x")
    assert "<script" not in answer.text
    assert answer.form.fields["display_name"] == nasty


@pytest.mark.parametrize(
    ("accepted", "language", "title"),
    [
        ("", "en", "Sign in"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans", "登录"),
        ("zh-TW", "zh-Hans", "登录"),
        ("fr, en;q=0.5, zh;q=0.4", "en", "Sign in"),
        ("en;q=0, zh;q=0.1", "zh-Hans", "登录"),
        ("zh;q=nonsense,*;q=0.1", "en", "Sign in"),
    ],
)
async def test_pages_speak_the_readers_language(
    front: Front, accepted: str, language: str, title: str
) -> None:
    async with browser(front.url, {"Accept-Language": accepted}) as tab:
        page = await _page(tab, "/connect/signin")
    assert f'<html lang="{language}">' in page.text
    assert f"<h1>{title}</h1>" in page.text
    assert page.headers["Content-Language"] == language
    assert "Accept-Language" in page.headers["Vary"]


async def test_wrong_password_and_unknown_handle_get_the_same_answer(rig: Rig, ada: Tokens) -> None:
    answers = []
    for handle in ("ada", "bob"):
        async with browser(rig.url) as tab:
            page = await _page(tab, "/connect/signin")
            answer = await _submit(tab, page, handle=handle, password="wrong battery staple")
            answers.append((answer.status, answer.words))
    assert answers[0] == answers[1]
    assert answers[0][0] == 422


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"handle": "ada"}, "Someone else has this handle"),
        ({"handle": "ＡＤＡ"}, "Someone else has this handle"),
        ({"handle": "a"}, "Use 2 to 32"),
        ({"handle": "a b"}, "Use 2 to 32"),
        ({"handle": "x" * 33}, "Use 2 to 32"),
        ({"display_name": "\u202eevil"}, "visible characters"),
        ({"password": "1234567"}, "at least 8"),
        ({"password": "password123"}, "among the first"),
        ({"password": "x" * 1025}, "too long"),
        ({"password": "grace-hopper-1906", "handle": "grace"}, "must not contain"),
    ],
)
async def test_registration_says_what_is_wrong(
    rig: Rig, ada: Tokens, fields: dict[str, str], words: str
) -> None:
    given = {"handle": "grace", "display_name": "Grace", "password": PASSWORD, **fields}
    async with browser(rig.url) as tab:
        page = await _page(tab, "/connect/register")
        answer = await _submit(tab, page, **given)
    assert answer.status == 422
    assert words in answer.words
    assert answer.form.fields["display_name"] == given["display_name"]


async def test_same_registration_many_times_at_once_makes_one_account(rig: Rig) -> None:
    answers = await asyncio.gather(
        *(register(rig.url, "grace", PASSWORD, "Grace") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(answer, Tokens) for answer in answers) == 1
    assert all(isinstance(answer, Tokens | SignInFailed) for answer in answers)


async def test_passwords_of_any_script_work_in_either_normal_form(rig: Rig) -> None:
    await register(rig.url, "zoë", "Fußgängerübergänge 漢字 🔑", "Zoë")
    decomposed = "Fußga\u0308ngeru\u0308berga\u0308nge 漢字 🔑"
    assert await sign_in(rig.url, "Zoe\u0308", decomposed)


async def test_sign_in_without_a_request_leads_home_and_nowhere_else(rig: Rig, ada: Tokens) -> None:
    targets = [
        "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)",
        "/connect/authorize@evil.example", "/connect/device\r\nX: y", "",
    ]  # fmt: skip
    for target in targets:
        async with browser(rig.url) as tab:
            page = await _page(tab, f"/connect/signin?{urlencode({'next': target})}")
            form = page.form
            assert form.fields["next"] == "/"
            data = {**form.fields, "handle": "ada", "password": PASSWORD, "next": target}
            async with tab.http.post(
                f"{rig.url}/connect/signin", data=data, allow_redirects=False
            ) as response:
                assert response.status == 303
                assert response.headers["Location"] == "/"


async def test_signing_out_ends_the_browsers_sign_in_only(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await rig.code(tab, CodeRequest())
        [old] = [cookie.value for cookie in tab.http.cookie_jar if cookie.key == "agileim_signin"]
        done = await _submit(tab, await _page(tab, "/connect/signout"))
        assert "no longer signed in" in done.words
        tab.http.cookie_jar.update_cookies({"agileim_signin": old})
        silent = await tab.open(CodeRequest().path(prompt="none"))
        assert isinstance(silent, Away)
        assert silent.parameters["error"] == "login_required", "the secret itself is void"
    assert await rig.live_sessions() == [ada.session]


async def test_guessing_is_throttled_without_locking_the_owner_out(rig: Rig, ada: Tokens) -> None:
    """A stranger at another address tries on; the owner, where she signed in before, gets in."""
    stranger = {"X-Forwarded-For": "203.0.113.9"}
    async with browser(rig.url, stranger) as tab:
        page = await _page(tab, "/connect/signin")
        tries = 0
        while page.status != 429:
            page = await _submit(tab, page, handle="ada", password="wrong battery staple")
            tries += 1
        assert tries == 7, "6 are made, the 7th has to wait"
        assert page.headers["Retry-After"] == "2"
        assert "Try again in 2 s" in page.words
        refused = await _submit(tab, page, handle="ada", password=PASSWORD)
        assert refused.status == 429, "right or wrong is not told"
        assert await sign_in(rig.url, "ada", PASSWORD)
        rig.clock.now += 3
        allowed = await tab.submit(refused.form, handle="ada", password=PASSWORD)
        assert not (isinstance(allowed, Page) and allowed.status == 429)


async def test_many_addresses_slow_an_account_down_for_strangers_only(
    rig: Rig, ada: Tokens
) -> None:
    await sign_in(rig.url, "ada", PASSWORD)  # this address is familiar now
    async with browser(rig.url) as tab:
        page = await _page(tab, "/connect/signin")
        statuses = []
        for index in range(40):
            headers = {"X-Forwarded-For": f"198.51.100.{index}"}
            data = {**page.form.fields, "handle": "ada", "password": "wrong battery staple"}
            async with tab.http.post(
                f"{rig.url}/connect/signin", data=data, headers=headers
            ) as response:
                statuses.append(response.status)
                if response.status == 429:
                    assert int(response.headers["Retry-After"]) <= 5
    assert statuses.index(429) == 31
    assert await sign_in(rig.url, "ada", PASSWORD)


async def test_address_is_taken_from_the_trusted_proxy_only(rig: Rig, ada: Tokens) -> None:
    """What a client writes into the header itself stands left of what the proxy adds."""
    async with browser(rig.url) as tab:
        page = await _page(tab, "/connect/signin")
        statuses = []
        for index in range(8):
            headers = {"X-Forwarded-For": f"10.9.8.{index}, 203.0.113.9"}
            data = {**page.form.fields, "handle": "ada", "password": "wrong battery staple"}
            async with tab.http.post(
                f"{rig.url}/connect/signin", data=data, headers=headers
            ) as response:
                statuses.append(response.status)
    assert statuses == [422] * 6 + [429] * 2


async def test_hash_is_renewed_when_the_parameters_have_grown(rig: Rig, ada: Tokens) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash(PASSWORD)
    await rig.database.execute("UPDATE users SET password_hash = %s", (weak,))
    await sign_in(rig.url, "ada", PASSWORD)
    row = await rig.database.fetch_one("SELECT password_hash FROM users")
    assert row is not None
    assert "m=64,t=1,p=1" in row[0]
    assert await sign_in(rig.url, "ada", PASSWORD)


async def test_closed_registration_is_closed(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> None:
    async with (
        running(tmp_path, postgres_url, redis_url, key_prefix, registration_open=False) as rig,
        browser(rig.url) as tab,
    ):
        assert (await _page(tab, "/connect/register")).status == 403
        page = await _page(tab, "/connect/signin")
        assert "Create an account" not in page.words
        page.form.action = "/connect/register"
        assert (await _submit(tab, page, handle="eve", password=PASSWORD)).status == 403


async def test_registrations_are_limited_per_address(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> None:
    async with running(
        tmp_path, postgres_url, redis_url, key_prefix, registrations_per_hour=2
    ) as rig:
        for index in range(3):
            await register(rig.url, f"user{index}", PASSWORD, "U")
        with pytest.raises(SignInFailed, match="429"):
            await register(rig.url, "user3", PASSWORD, "U")


async def test_style_is_served(front: Front) -> None:
    async with front.http.get(f"{front.url}/static/auth/auth.css") as response:
        assert response.status == 200
        assert response.content_type == "text/css"


async def test_unknown_handle_costs_a_hash_like_any_other(rig: Rig, ada: Tokens) -> None:
    """What makes the two answers take the same time."""

    async def hashes() -> float:
        async with rig.http.get(f"{rig.url}/metrics") as response:
            lines = (await response.text()).splitlines()
        [line] = [line for line in lines if line.startswith("agileim_auth_hash_wait_seconds_count")]
        return float(line.split()[1])

    before = await hashes()
    for count, handle in enumerate(("ada", "bob"), start=1):
        async with browser(rig.url) as tab:
            page = await _page(tab, "/connect/signin")
            await _submit(tab, page, handle=handle, password="wrong battery staple")
        assert await hashes() == before + count


async def test_full_hash_queue_is_told_and_charged_to_nobody(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> None:
    slow = {"hash_threads": 1, "hash_queue": 1, "hash_memory_kib": 16 * 1024, "hash_time_cost": 2}
    async with (
        running(tmp_path, postgres_url, redis_url, key_prefix, **slow) as rig,
        browser(rig.url) as tab,
    ):
        await register(rig.url, "ada", PASSWORD, "Ada")
        page = await _page(tab, "/connect/signin")
        answers = await asyncio.gather(
            *(tab.submit(page.form, handle=f"nobody{n}", password=PASSWORD) for n in range(12))
        )
        busy = [one for one in answers if isinstance(one, Page) and one.status == 503]
        assert busy
        assert busy[0].headers["Retry-After"] == "2"
        assert "Too many people" in busy[0].words
        made = [one for one in answers if isinstance(one, Page) and one.status == 422]
        assert len(busy) + len(made) == len(answers)
        level = await rig.auth.throttles._levels.get("address\n127.0.0.1")
        assert level is not None
        assert level.value <= len(made)
        assert await sign_in(rig.url, "ada", PASSWORD)


async def test_search_for_taken_handles_is_throttled(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> None:
    async with (
        running(tmp_path, postgres_url, redis_url, key_prefix, registrations_per_hour=3) as rig,
        browser(rig.url) as tab,
    ):
        await register(rig.url, "ada", PASSWORD, "Ada")
        page = await _page(tab, "/connect/register")
        statuses = [
            (await _submit(tab, page, handle="ada", display_name="A", password=PASSWORD)).status
            for _ in range(5)
        ]
    assert statuses == [422, 422, 422, 429, 429]
