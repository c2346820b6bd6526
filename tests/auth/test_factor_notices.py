"""Who changes what somebody signs in with cannot do so unnoticed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from shared.settings import Secret
from tests.auth.mailbox import Mailbox, mailbox, text_of
from tests.auth.people import (
    ACCOUNT,
    by_passkey,
    form_to,
    open_page,
    send,
    set_up_authenticator,
    set_up_passkey,
    sign_in_at,
)
from tests.auth.rig import PASSWORD, Rig, running
from tests.auth.software_authenticator import SoftwareAuthenticator
from tests.support.signin import Away, CodeRequest, Page, Tokens, browser

ADDRESS = "ada@agile.example"
NEW = "another staple horse"


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as ready:
        yield ready


@pytest.fixture
async def rig(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str, box: Mailbox
) -> AsyncIterator[Rig]:
    """With a mail server, at a name, without which there are no passkeys."""
    async with running(
        tmp_path, postgres_url, redis_url, key_prefix,
        smtp_url=Secret(f"smtp+plain://127.0.0.1:{box.port}"),
        mail_from="Chat <chat@agile.example>", issuer=f"http://localhost:{unused_port()}",
    ) as ready:  # fmt: skip
        yield ready


async def test_owner_is_told_by_mail_of_every_change(rig: Rig, ada: Tokens, box: Mailbox) -> None:
    await rig.auth.accounts.put_email(ada.user, ADDRESS, ADDRESS)
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        await set_up_authenticator(rig, tab)
        letter = await box.next(ADDRESS)
        assert letter["Subject"] == "Your account has changed"
        assert "An authenticator app was set up" in text_of(letter)
        page = await open_page(tab, f"{ACCOUNT}/recovery-codes")
        await send(tab, form_to(page, f"{ACCOUNT}/recovery-codes"))
        assert "New recovery codes were made" in text_of(await box.next(ADDRESS))
        page = await open_page(tab, f"{ACCOUNT}/new-password")
        form = form_to(page, f"{ACCOUNT}/new-password")
        wrong = await send(tab, form, current_password="wrong staple", new_password=NEW)
        assert wrong.status == 422
        done = await send(tab, form, current_password=PASSWORD, new_password=NEW)
        assert "has been changed" in done.words
        assert "password of your account was changed" in text_of(await box.next(ADDRESS))
        page = await open_page(tab, ACCOUNT)
        await send(tab, form_to(page, f"{ACCOUNT}/authenticator/remove"))
        assert "authenticator app was removed" in text_of(await box.next(ADDRESS))
    assert box.letters == []
    assert await rig.live_sessions() == [], "of the password's change"


async def test_owner_is_told_of_a_copied_passkey(rig: Rig, ada: Tokens, box: Mailbox) -> None:
    await rig.auth.accounts.put_email(ada.user, ADDRESS, ADDRESS)
    key = SoftwareAuthenticator(rig.url)
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        await set_up_passkey(tab, key)
        assert "A passkey was added" in text_of(await box.next(ADDRESS))
        assert isinstance(await by_passkey(tab, key, CodeRequest()), Away)
    key.sign_count -= 1  # a copy, made before that
    async with browser(rig.url) as thief:
        page = await by_passkey(thief, key, CodeRequest())
        assert isinstance(page, Page)
        assert page.status == 422
    assert "there seems to be a copy" in text_of(await box.next(ADDRESS))
    assert box.letters == []
