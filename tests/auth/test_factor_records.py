"""Records of second factors: used up once, counted, and never fewer than must be left."""

from __future__ import annotations

import asyncio

import pytest

from services.api.store.accounts import AccountStore
from services.api.store.database import Database
from services.api.store.factors import FactorStore, LastFactor, PasskeyTaken, TooManyPasskeys
from shared.factor_records import (
    PASSKEYS_MAX,
    CodeUse,
    NewAuthenticator,
    NewPasskey,
    PasskeyUse,
    RecoveryUse,
)
from shared.ids import new_id
from shared.internal import NewAccount


@pytest.fixture
def store(database: Database) -> FactorStore:
    return FactorStore(database)


@pytest.fixture
async def ada(database: Database) -> str:
    return (await AccountStore(database).create(NewAccount("ada", "Ada", "hash"))).user


def _key(public_key: str = "key", sign_count: int = 0) -> NewPasskey:
    return NewPasskey(
        name="Laptop", public_key=public_key, sign_count=sign_count, backup_eligible=True,
        backed_up=False, transports=["internal"], aaguid="",
    )  # fmt: skip


async def test_code_is_accepted_once_and_no_earlier_one_after_it(
    store: FactorStore, ada: str
) -> None:
    assert await store.put_authenticator(ada, NewAuthenticator("sealed", 100))
    assert not await store.use_code(ada, CodeUse(new_id(), 100)), "the one that confirmed it"
    uses = [CodeUse(new_id(), 101) for _ in range(10)]
    accepted = await asyncio.gather(*(store.use_code(ada, use) for use in uses))
    assert sum(accepted) == 1
    again = uses[accepted.index(True)]
    assert await store.use_code(ada, again), "the same request, asked twice by the network"
    assert not await store.use_code(ada, CodeUse(new_id(), 100))
    assert await store.use_code(ada, CodeUse(new_id(), 102))


async def test_recovery_code_is_accepted_once(store: FactorStore, ada: str) -> None:
    assert await store.put_recovery_codes(ada, ["aa", "bb"])
    uses = [RecoveryUse(new_id(), "aa") for _ in range(10)]
    accepted = await asyncio.gather(*(store.use_recovery_code(ada, use) for use in uses))
    assert sum(accepted) == 1
    assert await store.use_recovery_code(ada, uses[accepted.index(True)])
    found = await store.of(ada)
    assert found is not None
    assert found.recovery_codes == 1
    await store.put_recovery_codes(ada, ["cc"])
    assert not await store.use_recovery_code(ada, RecoveryUse(new_id(), "bb")), "replaced"


async def test_counter_that_does_not_grow_is_not_accepted(store: FactorStore, ada: str) -> None:
    await store.put_passkey(ada, "one", _key(sign_count=5))
    assert not await store.use_passkey(ada, "one", PasskeyUse(new_id(), 5, True))
    assert not await store.use_passkey(ada, "one", PasskeyUse(new_id(), 0, True))
    use = PasskeyUse(new_id(), 6, True)
    assert await store.use_passkey(ada, "one", use)
    assert await store.use_passkey(ada, "one", use)
    assert not await store.use_passkey(new_id(), "one", PasskeyUse(new_id(), 7, True))
    await store.put_passkey(ada, "two", _key())
    for _ in range(2):
        assert await store.use_passkey(ada, "two", PasskeyUse(new_id(), 0, True))
    found = await store.of(ada)
    assert found is not None
    assert [(one.sign_count, one.backed_up) for one in found.passkeys] == [(6, True), (0, True)]


async def test_passkey_belongs_to_one_person(
    store: FactorStore, database: Database, ada: str
) -> None:
    bob = (await AccountStore(database).create(NewAccount("bob", "Bob", "hash"))).user
    for _ in range(2):
        assert await store.put_passkey(ada, "one", _key())
    with pytest.raises(PasskeyTaken):
        await store.put_passkey(bob, "one", _key())
    with pytest.raises(PasskeyTaken):
        await store.put_passkey(ada, "one", _key("another key"))
    assert not await store.rename_passkey(bob, "one", "mine")
    await store.remove_passkey(bob, "one", keep_one=False)
    found = await store.passkey("one")
    assert found is not None
    assert (found.user, found.name) == (ada, "Laptop")
    assert not await store.put_passkey(new_id(), "two", _key())


async def test_passkeys_are_bounded(store: FactorStore, ada: str) -> None:
    for number in range(PASSKEYS_MAX):
        await store.put_passkey(ada, str(number), _key())
    with pytest.raises(TooManyPasskeys):
        await store.put_passkey(ada, "one more", _key())


async def test_last_factor_stays_where_one_has_to_be_left(store: FactorStore, ada: str) -> None:
    await store.put_authenticator(ada, NewAuthenticator("sealed", 1))
    await store.put_passkey(ada, "one", _key())
    await store.put_recovery_codes(ada, ["aa"])
    results = await asyncio.gather(
        store.remove_authenticator(ada, keep_one=True),
        store.remove_passkey(ada, "one", keep_one=True),
        return_exceptions=True,
    )
    assert [type(result) for result in results if result is not None] == [LastFactor]
    found = await store.of(ada)
    assert found is not None
    assert (found.authenticator is None) != (not found.passkeys)
    assert found.recovery_codes == 1
    await store.remove_authenticator(ada, keep_one=False)
    await store.remove_passkey(ada, "one", keep_one=False)
    found = await store.of(ada)
    assert found is not None
    assert found.recovery_codes == 0, "worth nothing without a factor"


async def test_all_are_forgotten(store: FactorStore, ada: str) -> None:
    await store.put_authenticator(ada, NewAuthenticator("sealed", 1))
    await store.put_passkey(ada, "one", _key())
    await store.put_recovery_codes(ada, ["aa"])
    await store.set_administrator(ada, True)
    await store.forget(ada)
    found = await store.of(ada)
    assert found is not None
    assert (found.authenticator, found.passkeys, found.recovery_codes) == (None, [], 0)
    assert found.administrator
    assert await store.of(new_id()) is None
