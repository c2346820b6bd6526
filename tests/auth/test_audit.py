"""Security events: who did what, when, from where, in which request; written once, for good."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from services.api.store.audit import AuditStore
from services.api.store.database import Database
from shared.ids import new_id
from shared.internal import AuditEvent
from tests.auth.rig import PASSWORD, Rig, running
from tests.support.servers import wait_until
from tests.support.signin import CLIENT_ID, CodeRequest, Page, Tokens, browser, refresh, register


async def _events(rig: Rig, what: str, count: int = 1) -> list[tuple[Any, ...]]:
    """User, client, session, address, request id, detail of each event of a kind."""

    async def rows() -> list[tuple[Any, ...]]:
        return await rig.database.fetch_all(
            "SELECT coalesce(user_id::text, ''), client_id, coalesce(session_id::text, ''), "
            "address, request_id, detail FROM audit WHERE what = %s ORDER BY at, id",
            (what,),
        )

    async def there() -> bool:
        return len(await rows()) >= count

    await wait_until(there)
    found = await rows()
    assert len(found) == count
    return found


async def test_sign_in_refusal_and_sign_out(rig: Rig, ada: Tokens) -> None:
    [(user, *_)] = await _events(rig, "registered")
    assert user == ada.user
    async with browser(rig.url, {"X-Request-Id": "request-1", "User-Agent": "tests"}) as tab:
        page = await tab.open("/connect/signin")
        assert isinstance(page, Page)
        await tab.submit(page.form, handle="ada", password="wrong battery staple")
        await tab.submit(page.form, handle="nobody", password="wrong battery staple")
        await tab.submit(page.form, handle="ada", password=PASSWORD)
        page = await tab.open("/connect/signout")
        assert isinstance(page, Page)
        await tab.submit(page.form)
    refused = await _events(rig, "sign_in_refused", 2)
    assert [event[0] for event in refused] == [ada.user, ""]
    [_, signed_in] = await _events(rig, "signed_in", 2)
    assert signed_in == (ada.user, "", "", "127.0.0.1", "request-1", "pwd")
    assert await _events(rig, "signed_out") == [(ada.user, "", "", "127.0.0.1", "request-1", "")]


async def test_session_from_beginning_to_end(rig: Rig, ada: Tokens) -> None:
    [(user, client, session, *_)] = await _events(rig, "session_begun")
    assert (user, client, session) == (ada.user, CLIENT_ID, ada.session)
    await rig.post("/connect/revocation", {"token": ada.access_token, "client_id": CLIENT_ID})
    [(user, client, session, _, _, detail)] = await _events(rig, "session_ended")
    assert (user, client, session, detail) == (ada.user, CLIENT_ID, ada.session, "signed_out")


async def test_theft_of_a_refresh_token(rig: Rig, ada: Tokens) -> None:
    await refresh(rig.url, await refresh(rig.url, ada))
    await rig.token(
        grant_type="refresh_token", refresh_token=ada.refresh_token, client_id=CLIENT_ID
    )
    [(user, client, session, *_)] = await _events(rig, "refresh_token_reused")
    assert (user, client, session) == (ada.user, CLIENT_ID, ada.session)


async def test_replay_of_a_code(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        code = await rig.code(tab, wanted)
    for _ in range(2):
        await rig.token(**wanted.grant(code))
    [(user, *_)] = await _events(rig, "code_replayed")
    assert user == ada.user


async def test_client_with_a_wrong_secret(rig: Rig) -> None:
    for client in ("gateway", "nonsense"):
        await rig.token(grant_type="client_credentials", client_id=client, client_secret="wrong")
    refused = await _events(rig, "client_refused", 2)
    assert [event[1] for event in refused] == ["gateway", ""]


async def test_what_was_typed_is_in_no_event(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        page = await tab.open("/connect/signin")
        assert isinstance(page, Page)
        await tab.submit(page.form, handle="my-secret-by-mistake", password="another secret")
    await _events(rig, "sign_in_refused")
    rows = await rig.database.fetch_all("SELECT a::text FROM audit a")
    assert not [row for row in rows if "secret" in row[0] or ada.refresh_token in row[0]]


async def test_events_wait_while_api_is_away(rig: Rig, ada: Tokens) -> None:
    rig.auth.audit.note(None, "signed_in", user=ada.user)
    assert await rig.auth.audit.drained()
    await rig.api.close()
    rig.auth.audit.note(None, "signed_in", user=ada.user)
    assert not await rig.auth.audit.drained(timeout_s=0.1)


async def test_events_are_written_before_the_process_ends(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> None:
    async with running(tmp_path, postgres_url, redis_url, key_prefix) as rig:
        await register(rig.url, "ada", PASSWORD, "Ada")
    async with Database(postgres_url, size=1) as database:
        rows = await database.fetch_all("SELECT what FROM audit ORDER BY at, id")
    assert [row[0] for row in rows] == ["registered", "signed_in", "session_begun"]


async def test_table_only_grows(database: Database) -> None:
    store = AuditStore(database)
    event = AuditEvent(id=new_id(), at=datetime.now(UTC), what="signed_in", user=new_id())
    await asyncio.gather(*(store.add([event]) for _ in range(3)))
    for change in ("UPDATE audit SET what = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(psycopg2.Error, match="append-only"):
            await database.execute(change)
    [(at, what, user)] = await database.fetch_all("SELECT at, what, user_id::text FROM audit")
    assert (what, user) == ("signed_in", event.user)
    assert abs(at - event.at) < timedelta(milliseconds=1)
