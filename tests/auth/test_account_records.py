"""api's account records: users, sessions, refresh tokens and consents in PostgreSQL."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from services.api.pruning import prune_sessions
from services.api.store.accounts import AccountStore, HandleTaken
from services.api.store.consents import ConsentStore
from services.api.store.database import Database
from services.api.store.sessions import NoSuchUser, SessionExists, SessionStore
from shared.ids import is_id, new_id
from shared.internal import Account, NewAccount, NewSession, Rotation, RotationReply, SessionEnd
from tests.auth.rig import Rig
from tests.support.servers import wait_until
from tests.support.signin import Tokens

DAY = timedelta(days=1)


def _hash() -> str:
    return hashlib.sha256(secrets.token_bytes(32)).hexdigest()


def _session(user: str, **changes: object) -> NewSession:
    values = {
        "session": new_id(), "user": user, "client_id": "agileim-cli", "scope": "chat",
        "device": "laptop", "refresh_hash": _hash(), "expires_at": datetime.now(UTC) + DAY,
    }  # fmt: skip
    return NewSession(**{**values, **changes})  # type: ignore[arg-type]  # by name


@pytest.fixture
async def user(database: Database) -> Account:
    return await AccountStore(database).create(NewAccount("ada", "Ada", "$argon2id$1"))


async def _rotate(
    store: SessionStore, old: str, new: str = "", client: str = "agileim-cli"
) -> RotationReply:
    expires = datetime.now(UTC) + DAY
    return await store.rotate(Rotation(client, old, new or _hash(), expires))


async def test_account_is_found_by_id_and_handle(database: Database, user: Account) -> None:
    store = AccountStore(database)
    assert is_id(user.user)
    assert not user.disabled
    assert await store.by_id(user.user) == user
    assert await store.by_handle("ada") == user
    assert await store.by_handle("bob") is None
    assert await store.by_id(new_id()) is None
    assert await store.by_id("nonsense") is None


async def test_handle_belongs_to_one_account(database: Database, user: Account) -> None:
    store = AccountStore(database)
    with pytest.raises(HandleTaken):
        await store.create(NewAccount("ada", "Other", "$argon2id$2"))
    again = await store.create(NewAccount("ada", "Ada", "$argon2id$1"))
    assert again == user, "the same request again"


async def test_password_changes(database: Database, user: Account) -> None:
    store = AccountStore(database)
    assert await store.change_password(user.user, "$argon2id$3")
    changed = await store.by_id(user.user)
    assert changed is not None
    assert changed.password_hash == "$argon2id$3"
    assert not await store.change_password(new_id(), "x")
    assert not await store.change_password("nonsense", "x")


async def test_session_begins_once(database: Database, user: Account) -> None:
    store = SessionStore(database)
    session = _session(user.user)
    await store.begin(session)
    await store.begin(session)
    with pytest.raises(SessionExists):
        await store.begin(_session(user.user, session=session.session))
    with pytest.raises(SessionExists):
        await store.begin(_session(user.user, refresh_hash=session.refresh_hash))
    with pytest.raises(NoSuchUser):
        await store.begin(_session(new_id()))
    await database.execute("UPDATE users SET disabled_at = now()")
    with pytest.raises(NoSuchUser):
        await store.begin(_session(user.user))


async def test_rotation_is_idempotent_by_the_new_token(database: Database, user: Account) -> None:
    store = SessionStore(database)
    session = _session(user.user)
    await store.begin(session)
    new = _hash()
    first = await _rotate(store, session.refresh_hash, new)
    assert first == RotationReply("rotated", session.session, user.user, "chat")
    assert await _rotate(store, session.refresh_hash, new) == first, "the request repeated"
    assert (await _rotate(store, new)).outcome == "rotated"


async def test_reuse_ends_the_family(database: Database, user: Account) -> None:
    store = SessionStore(database)
    session = _session(user.user)
    await store.begin(session)
    new = _hash()
    await _rotate(store, session.refresh_hash, new)
    reply = await _rotate(store, session.refresh_hash)
    assert reply == RotationReply("reused", session.session, user.user)
    assert (await _rotate(store, new)).outcome == "unknown"
    assert (await _rotate(store, session.refresh_hash)).outcome == "reused", "told again"
    row = await database.fetch_one("SELECT end_reason FROM sessions")
    assert row == ("reused",)


async def test_parallel_rotations_have_one_winner(database: Database, user: Account) -> None:
    store = SessionStore(database)
    session = _session(user.user)
    await store.begin(session)
    replies = await asyncio.gather(*(_rotate(store, session.refresh_hash) for _ in range(50)))
    outcomes = [reply.outcome for reply in replies]
    assert outcomes.count("rotated") == 1
    assert outcomes.count("reused") == 49
    row = await database.fetch_one(
        "SELECT count(*) FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id "
        "WHERE t.replaced_by IS NULL AND s.ended_at IS NULL"
    )
    assert row == (0,)


async def test_lost_answer_is_repeated_for_ten_seconds(database: Database, user: Account) -> None:
    store = SessionStore(database)
    session = _session(user.user)
    await store.begin(session)
    first, second, sealed = _hash(), _hash(), "ab" * 32
    rotation = Rotation("agileim-cli", session.refresh_hash, first, datetime.now(UTC) + DAY, sealed)
    assert (await store.rotate(rotation)).outcome == "rotated"
    reply = await _rotate(store, session.refresh_hash, second)
    assert reply == RotationReply("repeated", session.session, user.user, "chat", sealed)
    assert (await _rotate(store, second)).outcome == "unknown", "one successor, no second one"
    await database.execute("UPDATE refresh_tokens SET replaced_at = now() - interval '9 seconds'")
    assert (await _rotate(store, session.refresh_hash, second)).outcome == "repeated"
    await database.execute("UPDATE refresh_tokens SET replaced_at = now() - interval '10 seconds'")
    assert (await _rotate(store, session.refresh_hash, second)).outcome == "reused"
    assert (await _rotate(store, first)).outcome == "unknown"


async def test_what_cannot_be_rotated(database: Database, user: Account) -> None:
    store = SessionStore(database)
    unknown = RotationReply("unknown")
    assert await _rotate(store, _hash()) == unknown
    session = _session(user.user)
    await store.begin(session)
    assert await _rotate(store, session.refresh_hash, client="other") == unknown
    expired = _session(user.user, expires_at=datetime.now(UTC) - DAY)
    await store.begin(expired)
    assert await _rotate(store, expired.refresh_hash) == unknown
    await database.execute("UPDATE users SET disabled_at = now()")
    assert await _rotate(store, session.refresh_hash) == unknown
    await database.execute("UPDATE users SET disabled_at = NULL")
    await store.end(SessionEnd(session=session.session))
    assert await _rotate(store, session.refresh_hash) == unknown


async def test_sessions_end_by_token_by_id_and_all_at_once(
    database: Database, user: Account
) -> None:
    store = SessionStore(database)
    sessions = [_session(user.user) for _ in range(4)]
    for session in sessions:
        await store.begin(session)
    one, two, *rest = sessions
    other = SessionEnd(refresh_hash=one.refresh_hash, client_id="other")
    assert (await store.end(other)).sessions == []
    by_token = SessionEnd(refresh_hash=one.refresh_hash, client_id="agileim-cli")
    assert (await store.end(by_token)).sessions == [one.session]
    assert (await store.end(by_token)).sessions == [one.session], "named again for a while"
    ended = await store.end(SessionEnd(session=two.session))
    assert (ended.sessions, ended.user) == ([two.session], user.user)
    await database.execute("UPDATE sessions SET ended_at = now() - interval '11 minutes' "
                           "WHERE ended_at IS NOT NULL")  # fmt: skip
    ended = await store.end(SessionEnd(user=user.user))
    assert ended.sessions == sorted(session.session for session in rest)
    assert (await store.end(SessionEnd(session="nonsense"))).sessions == []
    assert (await store.end(SessionEnd(user=new_id()))).sessions == []


async def test_pruning_forgets_what_expired_and_nothing_else(
    database: Database, user: Account
) -> None:
    store = SessionStore(database)
    old = _session(user.user, expires_at=datetime.now(UTC) - 2 * DAY)
    live = _session(user.user)
    await store.begin(old)
    await store.begin(live)
    await _rotate(store, live.refresh_hash)
    assert await store.prune() == 2
    assert await store.prune() == 0
    rows = await database.fetch_all("SELECT id::text FROM sessions")
    assert rows == [(live.session,)]
    assert (await _rotate(store, live.refresh_hash)).outcome == "reused"


async def test_expired_sessions_are_pruned_again_and_again(
    database: Database, user: Account
) -> None:
    store = SessionStore(database)
    task = asyncio.create_task(prune_sessions(store, interval_s=0.01))
    try:
        for _ in range(2):
            await store.begin(_session(user.user, expires_at=datetime.now(UTC) - 2 * DAY))
            await wait_until(lambda: _is_empty(database))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _is_empty(database: Database) -> bool:
    return await database.fetch_one("SELECT 1 FROM sessions") is None


async def test_consent_is_replaced(database: Database, user: Account) -> None:
    store = ConsentStore(database)
    assert await store.scope(user.user, "partner") == ""
    assert await store.give(user.user, "partner", "chat")
    assert await store.give(user.user, "partner", "openid chat")
    assert await store.scope(user.user, "partner") == "openid chat"
    assert not await store.give(new_id(), "partner", "chat")
    assert not await store.give("nonsense", "partner", "chat")
    assert await store.scope("nonsense", "partner") == ""


ROUTES = [
    ("POST", "/internal/v1/accounts"),
    ("GET", "/internal/v1/accounts?handle=ada"),
    ("GET", "/internal/v1/accounts/{user}"),
    ("PUT", "/internal/v1/accounts/{user}/password"),
    ("POST", "/internal/v1/sessions"),
    ("POST", "/internal/v1/sessions/rotate"),
    ("POST", "/internal/v1/sessions/end"),
    ("POST", "/internal/v1/sessions/find"),
    ("GET", "/internal/v1/consents/{user}/partner"),
    ("PUT", "/internal/v1/consents/{user}/partner"),
    ("POST", "/internal/v1/audit"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_only_auth_may_ask(rig: Rig, ada: Tokens, method: str, path: str) -> None:
    url = rig.settings.api_urls[0] + path.format(user=ada.user)
    gateway = await rig.token(
        grant_type="client_credentials", client_id="gateway",
        client_secret="a-secret-of-the-gateway",
    )  # fmt: skip
    for token, status in (("", 401), (ada.access_token, 401), (gateway[1]["access_token"], 403)):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with rig.http.request(method, url, headers=headers, data=b"{}") as response:
            assert response.status == status
    own = {"Authorization": f"Bearer {await rig.auth.accounts._api._tokens.token()}"}
    async with rig.http.request(method, url, headers=own, data=b"{}") as response:
        assert response.status == (422 if method != "GET" else 200)
