"""Statements about passwords."""

from __future__ import annotations

from functools import partial

from tests.auth import test_account as account
from tests.auth import test_pages as pages
from tests.auth import test_small_parts as parts
from tests.auth.rig import PASSWORD, Rig
from tests.auth.security.statements import Group
from tests.support.signin import Page, Tokens, browser, sign_in

group = Group("Passwords", "P")
NAMES = {"handle": "grace", "display_name": "Grace Hopper"}


async def _register(rig: Rig, password: str) -> int:
    """The status of a registration by the page."""
    async with browser(rig.url) as tab:
        page = await tab.open("/connect/register")
        assert isinstance(page, Page)
        answer = await tab.submit(page.form, **NAMES, password=password)
    assert isinstance(answer, Page)
    assert password not in answer.text, "never sent back"
    return answer.status


async def _refused(password: str, rig: Rig, ada: Tokens) -> None:
    """At registration and at a change."""
    assert await _register(rig, password) == 422
    async with rig.http.post(
        f"{rig.url}/connect/account/password",
        headers={"Authorization": f"Bearer {ada.access_token}"},
        json={"current_password": PASSWORD, "new_password": password.replace("grace", "ada")},
    ) as response:
        assert response.status == 422
        assert (await response.json())["field"] == "new_password"
    assert (await sign_in(rig.url, "ada", PASSWORD)).user == ada.user


async def _accepted(password: str, rig: Rig, _: Tokens) -> None:
    await _register(rig, password)
    assert await sign_in(rig.url, NAMES["handle"], password)


for _what, _source, _password in (
    ("under 8 characters", "ASVS 2.1.1", "1234567"),
    ("that are among the most common", "ASVS 2.1.7", "password123"),
    ("that are among the most common but for the case", "ASVS 2.1.7", "PassWord123"),
    ("that repeat a character or two", "ASVS 2.1.7", "ababababab"),
    ("that contain the handle", "NIST SP 800-63B, 5.1.1.2", "my grace in 7 words"),
    ("that contain the product's name", "NIST SP 800-63B, 5.1.1.2", "agileim forever 7"),
    ("over 1 KiB, whose cost the sender would choose", "ASVS 2.1.2", "a1b2" * 257),
):
    group.row(f"Passwords {_what} are refused", _source, partial(_refused, _password))

for _text, _password in (
    ("Passwords of 128 characters are accepted", "correct staple battery 8" + "xyzw" * 26),
    ("Passwords of any script are accepted, spaces included", "我家的 猫喜欢 晒太阳 🐈"),
):
    group.row(_text, "ASVS 2.1.4", partial(_accepted, _password))

for _text, _source, _check in (
    ("Unknown handle and wrong password get the same answer", "ASVS 2.2.1",
     pages.test_wrong_password_and_unknown_handle_get_the_same_answer),
    ("An unknown handle costs the same hash, and so the same time", "ASVS 2.2.1",
     pages.test_unknown_handle_costs_a_hash_like_any_other),
    ("Guessing is throttled, and no stranger locks the owner out", "ASVS 2.2.1",
     pages.test_guessing_is_throttled_without_locking_the_owner_out),
    ("Guessing from many addresses is throttled for strangers only", "ASVS 2.2.1",
     pages.test_many_addresses_slow_an_account_down_for_strangers_only),
    ("A hash is renewed when the parameters have grown", "ASVS 2.4.1",
     pages.test_hash_is_renewed_when_the_parameters_have_grown),
    ("A stolen access token does not help to guess the password", "ASVS 2.1.6",
     account.test_guessing_with_a_stolen_token_is_throttled),
    ("A changed password ends all other sessions", "ASVS 3.3.3",
     account.test_changed_password_ends_all_other_sessions),
):  # fmt: skip
    group.row(_text, _source, _check)


@group.holds("Browsers must sign in again after a changed password", "ASVS 3.3.3")
async def _browsers(rig: Rig, ada: Tokens) -> None:
    await account.test_browsers_that_are_signed_in_must_sign_in_again(
        rig, ada, "POST", "/password", account._change(), True
    )


@group.holds("Hashes are salted argon2id", "ASVS 2.4.1")
async def _hashes(_: Rig, __: Tokens) -> None:
    await parts.test_hashes_are_argon2id_and_salted()


@group.holds("A flood of sign-ins fills a bounded queue and nothing else", "ASVS 11.1.4")
async def _flood(_: Rig, __: Tokens) -> None:
    await parts.test_full_queue_refuses_at_once_and_recovers()
