"""Mail: addresses that are proved, passwords that are reset, and a mail server that is slow,
refuses or is away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port

from services.auth.mail import addresses
from services.auth.mail.letter import Letters
from services.auth.mail.outbox import RETRIES_S, WAITING_MAX, Outbox
from services.auth.mail.post import sender
from services.auth.mail.transports import (
    FolderTransport,
    SmtpServer,
    SmtpTransport,
    Undelivered,
)
from services.auth.metrics import AuthMetrics
from services.auth.texts import LANGUAGES, texts_of
from shared.metrics import Metrics
from shared.settings import Secret
from tests.auth.mailbox import Mailbox, code_of, link_of, mailbox, text_of
from tests.auth.rig import PASSWORD, Rig, running
from tests.support.servers import wait_until
from tests.support.signin import Browser, Page, SignInFailed, Tokens, browser, register, sign_in

ADA = "ada@lovelace.example"
NEW = "another staple horse"


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as ready:
        yield ready


@pytest.fixture
async def rig(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str, box: Mailbox
) -> AsyncIterator[Rig]:
    async with with_mail(tmp_path, postgres_url, redis_url, key_prefix, box) as ready:
        yield ready


@asynccontextmanager
async def with_mail(
    folder: Path, postgres_url: str, redis_url: str, key_prefix: str, box: Mailbox
) -> AsyncIterator[Rig]:
    """auth with a mail server."""
    async with running(
        folder, postgres_url, redis_url, key_prefix,
        smtp_url=Secret(f"smtp+plain://127.0.0.1:{box.port}"),
        mail_from="Chat <chat@agile.example>",
    ) as ready:  # fmt: skip
        yield ready


async def _signed_in(tab: Browser, path: str, handle: str = "ada") -> Page:
    """The page at ``path``, after signing in."""
    page = await tab.open(path)
    assert isinstance(page, Page)
    if "/signin" in page.url:
        form = next(form for form in page.forms if form.action == "/connect/signin")
        page = await tab.submit(form, handle=handle, password=PASSWORD)
        assert isinstance(page, Page)
    return page


async def _submit(tab: Browser, page: Page, action: str, **fields: str) -> Page:
    form = next(form for form in page.forms if form.action == action)
    answer = await tab.submit(form, **fields)
    assert isinstance(answer, Page)
    return answer


async def _prove(rig: Rig, box: Mailbox, address: str = ADA, handle: str = "ada") -> None:
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email", handle)
        page = await _submit(tab, page, "/connect/account/email", address=address)
        code = code_of(await box.next(address))
        page = await _submit(tab, page, "/connect/account/email/code", code=code)
        assert "is confirmed" in page.words


async def _email(rig: Rig, user: str) -> str:
    account = await rig.auth.accounts.by_id(user)
    assert account is not None
    return account.email


async def test_address_is_proved_by_the_code(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email")
        page = await _submit(tab, page, "/connect/account/email", address=f" {ADA} ")
        letter = await box.next(ADA)
        assert str(letter["From"]) == "Chat <chat@agile.example>"
        wrong = "0" * 6 if code_of(letter) != "0" * 6 else "1" * 6
        page = await _submit(tab, page, "/connect/account/email/code", code=wrong)
        assert page.status == 422
        assert await _email(rig, ada.user) == ""
        page = await _submit(tab, page, "/connect/account/email/code", code=code_of(letter))
        assert ADA in page.words
    assert await _email(rig, ada.user) == ADA


async def test_address_is_proved_by_the_link_and_not_by_opening_it(
    rig: Rig, box: Mailbox, ada: Tokens
) -> None:
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email")
        await _submit(tab, page, "/connect/account/email", address=ADA)
    link = link_of(await box.next(ADA))
    async with browser(rig.url) as elsewhere:  # on a phone, where nobody is signed in
        page = Page("", 0, {}, "")
        for _ in range(2):
            opened = await elsewhere.open(link)
            assert isinstance(opened, Page)
            page = opened
        assert await _email(rig, ada.user) == ""
        page = await _submit(elsewhere, page, "/connect/email/confirm")
        assert page.status == 200
        assert await _email(rig, ada.user) == ADA
        again = await elsewhere.open(link)
        assert isinstance(again, Page)
        assert again.status == 404


async def test_code_is_not_guessed(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email")
        page = await _submit(tab, page, "/connect/account/email", address=ADA)
        code = code_of(await box.next(ADA))
        for n in range(5):
            wrong = f"{(int(code) + n + 1) % 1_000_000:06}"
            page = await _submit(tab, page, "/connect/account/email/code", code=wrong)
        page = await _submit(tab, page, "/connect/account/email/code", code=code)
        assert page.status == 422
    assert await _email(rig, ada.user) == ""


async def test_code_is_good_for_half_an_hour(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email")
        page = await _submit(tab, page, "/connect/account/email", address=ADA)
        letter = await box.next(ADA)
        rig.clock.now += 1_801
        page = await _signed_in(tab, "/connect/account/email")  # that was not just now
        assert "code" not in page.forms[0].fields
        opened = await tab.open(link_of(letter))
        assert isinstance(opened, Page)
        assert opened.status == 404


async def test_old_address_is_told_of_the_new_one(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    await _prove(rig, box)
    await _prove(rig, box, "ada@new.example")
    told = await box.next(ADA)
    assert "a…@new.example" in text_of(told)
    assert "ada@new.example" not in text_of(told)
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email")
        await _submit(tab, page, "/connect/account/email/remove")
    assert "no longer belongs" in text_of(await box.next("ada@new.example"))
    assert await _email(rig, ada.user) == ""


async def test_address_of_another_account_is_refused_once_proved(
    rig: Rig, box: Mailbox, ada: Tokens
) -> None:
    await _prove(rig, box)
    bob = await register(rig.url, "bob", PASSWORD, "Bob")
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email", "bob")
        page = await _submit(tab, page, "/connect/account/email", address=ADA.upper())
        letter = await box.next("ADA@lovelace.example")
        page = await _submit(tab, page, "/connect/account/email/code", code=code_of(letter))
        assert page.status == 422
    assert await _email(rig, bob.user) == ""
    assert await _email(rig, ada.user) == ADA


async def test_address_is_changed_only_by_who_has_just_signed_in(
    rig: Rig, box: Mailbox, ada: Tokens
) -> None:
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email")
        rig.clock.now += rig.settings.fresh_s + 1
        page = await _submit(tab, page, "/connect/account/email", address=ADA)
        assert "/connect/signin" in page.url
    assert box.letters == []


async def test_nobodys_mailbox_is_flooded(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email")
        statuses = []
        for _ in range(6):
            page = await _submit(tab, page, "/connect/account/email", address=ADA)
            statuses.append(page.status)
    assert statuses[0] == 200
    assert statuses[-1] == 429


async def _reset_link(rig: Rig, box: Mailbox) -> str:
    async with browser(rig.url) as tab:
        page = await tab.open("/connect/recover")
        assert isinstance(page, Page)
        await _submit(tab, page, "/connect/recover", address=ADA)
    return link_of(await box.next(ADA))


async def test_forgotten_password_is_set_anew(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    await _prove(rig, box)
    link = await _reset_link(rig, box)
    async with browser(rig.url) as tab:
        page = await tab.open(link)
        assert isinstance(page, Page)
        page = await _submit(tab, page, "/connect/recover/password", password="short")
        assert page.status == 422
        page = await _submit(tab, page, "/connect/recover/password", password=NEW)
        assert page.status == 200
        again = await tab.open(link)
        assert isinstance(again, Page)
        assert again.status == 404
    assert await rig.live_sessions() == []
    assert ada.session in [one for told in await rig.revoked() for one in told.sessions]
    with pytest.raises(SignInFailed):
        await sign_in(rig.url, "ada", PASSWORD)
    assert (await sign_in(rig.url, "ada", NEW)).user == ada.user
    assert "set anew" in text_of(await box.next(ADA))
    await rig.auth.audit.drained()
    rows = await rig.database.fetch_all(
        "SELECT what FROM audit WHERE what LIKE 'password_reset%' ORDER BY id"
    )
    assert [row[0] for row in rows] == [
        "password_reset_asked", "password_reset_sent", "password_reset",
    ]  # fmt: skip


async def test_two_links_change_one_password(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    await _prove(rig, box)
    first, second = await _reset_link(rig, box), await _reset_link(rig, box)
    async with browser(rig.url) as tab:
        page = await tab.open(first)
        assert isinstance(page, Page)
        await _submit(tab, page, "/connect/recover/password", password=NEW)
        late = await tab.open(second)
        assert isinstance(late, Page)
        assert late.status == 404


async def test_reset_link_is_good_for_half_an_hour(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    await _prove(rig, box)
    link = await _reset_link(rig, box)
    rig.clock.now += 1_801
    async with browser(rig.url) as tab:
        page = await tab.open(link)
        assert isinstance(page, Page)
        assert page.status == 404


async def test_unknown_address_gets_the_same_answer_and_no_mail(
    rig: Rig, box: Mailbox, ada: Tokens
) -> None:
    await _prove(rig, box)
    texts = []
    async with browser(rig.url) as tab:
        for address in (ADA, "nobody@lovelace.example"):
            page = await tab.open("/connect/recover")
            assert isinstance(page, Page)
            page = await _submit(tab, page, "/connect/recover", address=address)
            texts.append((page.status, page.text))
    assert texts[0] == texts[1]
    await box.next(ADA)
    assert box.letters == []


async def test_disabled_account_gets_no_link(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    await _prove(rig, box)
    link = await _reset_link(rig, box)
    await rig.database.execute("UPDATE users SET disabled_at = now()")
    async with browser(rig.url) as tab:
        page = await tab.open(link)
        assert isinstance(page, Page)
        assert page.status == 404


async def test_asking_for_resets_is_throttled(rig: Rig) -> None:
    async with browser(rig.url) as tab:
        statuses = []
        for n in range(13):
            page = await tab.open("/connect/recover")
            assert isinstance(page, Page)
            page = await _submit(tab, page, "/connect/recover", address=f"a{n}@x.example")
            statuses.append(page.status)
    assert statuses[0] == 200
    assert statuses[-1] == 429


async def test_server_that_is_busy_is_tried_again(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    box.answers = ["451 busy"]
    async with browser(rig.url) as tab:
        page = await _signed_in(tab, "/connect/account/email")
        await _submit(tab, page, "/connect/account/email", address=ADA)
    await wait_until(lambda: len(box.letters) == 1, timeout_s=RETRIES_S[0] + 10)
    assert box.tries == 2


async def _json(
    rig: Rig, method: str, path: str, token: str, body: Any = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with rig.http.request(method, f"{rig.url}{path}", headers=headers, json=body) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else {}


async def test_address_by_json(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    path, token = "/connect/account/address", ada.access_token
    for wrong in ("x", "a b@c"):
        assert (await _json(rig, "PUT", path, token, {"address": wrong}))[0] == 422
    assert (await _json(rig, "PUT", path, "", {"address": ADA}))[0] == 401
    assert (await _json(rig, "PUT", path, token, {"address": ADA}))[0] == 202
    assert (await _json(rig, "GET", path, token))[1] == {"address": "", "pending": ADA}
    code = code_of(await box.next(ADA))
    assert (await _json(rig, "POST", f"{path}/code", token, {"code": "x"}))[0] == 422
    assert (await _json(rig, "POST", f"{path}/code", token, {"code": code}))[0] == 204
    assert (await _json(rig, "GET", path, token))[1] == {"address": ADA, "pending": ""}
    assert (await _json(rig, "DELETE", path, token))[0] == 204
    assert (await _json(rig, "GET", path, token))[1] == {"address": "", "pending": ""}


async def test_link_by_json_says_the_same_to_everybody(rig: Rig, box: Mailbox, ada: Tokens) -> None:
    await _prove(rig, box)
    for address in (ADA, "nobody@lovelace.example"):
        answer = await _json(rig, "POST", "/connect/recover/link", "", {"address": address})
        assert answer == (202, {})
    assert "/connect/recover/password" in link_of(await box.next(ADA))
    assert box.letters == []


def _letter(language: str = "en", to: str = ADA) -> EmailMessage:
    letters = Letters(sender("Chat <chat@agile.example>"), "https://chat.example")
    return letters.write(
        "verify", to, texts_of(language), name="<b>Ada</b>", code="123456",
        link="https://chat.example/connect/email/confirm?token=a&b",
    )  # fmt: skip


@pytest.mark.parametrize("language", sorted(LANGUAGES.values()))
def test_letter_is_text_and_html_and_escaped(language: str) -> None:
    letter = message_from_bytes(_letter(language).as_bytes(), policy=policy.default)
    assert isinstance(letter, EmailMessage)
    assert letter["Auto-Submitted"] == "auto-generated"
    assert code_of(letter) == "123456"
    assert link_of(letter) == "/connect/email/confirm?token=a&b"
    html = text_of(letter, "html")
    assert "&lt;b&gt;Ada" in html
    assert "token=a&amp;b" in html
    assert "<script" not in html
    assert f'lang="{texts_of(language).language}"' in html


@pytest.mark.parametrize(
    "kind", ["verify", "changed", "removed", "reset", "reset_done"]
)  # fmt: skip
@pytest.mark.parametrize("language", sorted(LANGUAGES.values()))
def test_every_letter_has_its_texts(kind: str, language: str) -> None:
    letters = Letters(sender("chat@agile.example"), "https://chat.example")
    letter = letters.write(kind, ADA, texts_of(language), name="Ada", note="x")
    assert "{" not in text_of(letter) + str(letter["Subject"])


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Ada@Example.ORG", "Ada@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("a+tag@x.example", "a+tag@x.example"),
        ("ada", ""),
        ("ada@", ""),
        ("a b@x.example", ""),
        ("ada@x.example\nBcc: eve@x.example", ""),
        ("ada@x.example, eve@x.example", ""),
        ("Ada <ada@x.example>", ""),
        ("", ""),
        ("a" * 65 + "@x.example", ""),
    ],
)
def test_addresses(text: str, address: str) -> None:
    found = addresses.parsed(text)
    assert (found.text if found is not None else "") == address


async def test_folder_takes_what_no_server_does(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "mail"
    await FolderTransport(folder).deliver(_letter())
    [file] = folder.iterdir()
    assert file.suffix == ".eml"
    assert file.stat().st_mode & 0o077 == 0
    letter = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(letter, EmailMessage)
    assert code_of(letter) == "123456"


class Sleeps:
    """A clock that never waits, and knows for how long it should have."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


def _metrics() -> AuthMetrics:
    return AuthMetrics(Metrics())


async def test_server_that_is_away_is_given_up_in_the_end() -> None:
    server = SmtpServer.parse(f"smtp+plain://127.0.0.1:{unused_port()}")
    metrics, sleeps = _metrics(), Sleeps()
    outbox = Outbox(SmtpTransport(server), metrics, sleeps)
    await outbox._carry(_letter())
    assert tuple(sleeps.asked) == RETRIES_S
    assert metrics.mails.labels("failed")._value.get() == 1


async def test_refusal_for_good_is_not_repeated(box: Mailbox) -> None:
    box.answers = ["554 no"]
    transport = SmtpTransport(SmtpServer.parse(f"smtp+plain://127.0.0.1:{box.port}"))
    with pytest.raises(Undelivered) as refused:
        await transport.deliver(_letter())
    assert refused.value.final
    assert ADA not in str(refused.value)


async def test_server_without_tls_gets_nothing_unless_allowed(box: Mailbox) -> None:
    for scheme in ("smtp", "smtps"):
        transport = SmtpTransport(SmtpServer.parse(f"{scheme}://127.0.0.1:{box.port}"))
        with pytest.raises(Undelivered):
            await transport.deliver(_letter())
    assert box.tries == 0


async def test_queue_is_bounded(tmp_path: Path) -> None:
    outbox = Outbox(FolderTransport(tmp_path), _metrics())
    letter = _letter()
    assert all(outbox.post(letter) for _ in range(WAITING_MAX))
    assert not outbox.post(letter)


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://host/path", "host:25"])
def test_bad_server_is_a_fault(url: str) -> None:
    with pytest.raises(ValueError, match="smtp"):
        SmtpServer.parse(url)
    assert "secret" not in repr(SmtpServer.parse("smtps://me:secret@host"))
