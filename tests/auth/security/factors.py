"""Statements about second factors and passkeys."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from services.auth.domain.passkeys import TIMEOUT_MS, Answer, PasskeyRefused, RelyingParty
from services.auth.records.challenges import Challenges, Purpose
from shared import redis_client
from shared.factor_records import Passkey
from shared.keys import Keys
from tests.auth import test_account as account
from tests.auth import test_factors as factors
from tests.auth import test_step_up as step_up
from tests.auth.people import set_up_authenticator, sign_in_at
from tests.auth.rig import Rig
from tests.auth.security.statements import Group
from tests.auth.software_authenticator import BE, BS, UP, UV, SoftwareAuthenticator, text
from tests.auth.test_passkeys import WRONG
from tests.support.signin import Tokens, browser

group = Group("Second factors", "F")
PARTY = RelyingParty("https://chat.example.org")
CHALLENGE = text(bytes(range(32)))

WithSecret = Callable[[Rig, Tokens, str], Awaitable[None]]


async def _with_authenticator(check: WithSecret, rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        secret, _ = await set_up_authenticator(rig, tab)
    rig.clock.now += 30
    await check(rig, ada, secret)


for _text, _source, _secret_check in (
    ("Once a second factor is set up, the password alone opens nothing", "ASVS 4.3.1",
     factors.test_password_alone_is_not_enough_any_more),
    ("A one-time code works once, and one step around its time only", "RFC 6238, 5.2",
     factors.test_code_works_once_and_only_around_its_time),
    ("Guessing one-time codes is throttled, and no stranger locks the owner out", "RFC 4226, 7.3",
     factors.test_guessing_codes_is_throttled_for_strangers_and_not_for_the_owner),
    ("Guessing one-time codes from many addresses is throttled", "ASVS 2.8.6",
     factors.test_many_addresses_get_few_tries_at_one_account),
    ("A sign-in that has got half of the way ends soon and works once", "ASVS 3.3.2",
     factors.test_half_a_sign_in_ends),
    ("Factors are changed after a fresh sign-in only", "ASVS 3.7.1",
     factors.test_changing_factors_needs_a_fresh_sign_in),
):  # fmt: skip
    group.row(_text, _source, partial(_with_authenticator, _secret_check))

for _text, _source, _check in (
    ("Recovery codes work once each, and new ones void all earlier ones", "ASVS 2.6.1",
     factors.test_recovery_codes_work_once_each_and_are_counted),
    ("Secrets of authenticator applications and recovery codes are not stored in clear",
     "ASVS 2.8.2", factors.test_nothing_of_it_is_stored_in_clear),
    ("The password of who has a second factor is changed with it only", "ASVS 3.7.1",
     account.test_password_of_who_has_a_second_factor_needs_it_anew),
    ("An application that asks for two factors gets no code by one", "RFC 9470, 5",
     partial(step_up.test_who_has_none_is_not_let_through, prompt="login")),
    ("Browsers that were signed in before a factor was set up must prove it too", "ASVS 3.3.3",
     factors.test_sign_ins_of_before_have_to_take_the_second_step),
):  # fmt: skip
    group.row(_text, _source, _check)


def _registered() -> tuple[SoftwareAuthenticator, Passkey]:
    """A passkey as it is kept, and the device that holds it."""
    key = SoftwareAuthenticator(PARTY.origin)
    user = "01a208f1-e127-73df-bb33-dd1a967b1039"
    options = PARTY.creation_options(user, "ada", "Ada", [], CHALLENGE)
    made = PARTY.registered(Answer(key.create(_decoded(options))), "Laptop")
    record = made.record
    return key, Passkey(
        id=made.id, user=user, name=record.name, public_key=record.public_key,
        sign_count=record.sign_count, backup_eligible=record.backup_eligible,
        backed_up=record.backed_up, created_at=datetime.now(UTC),
    )  # fmt: skip


def _decoded(options: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(options)
    return found


async def _refused(wrong: str, _: Rig, __: Tokens) -> None:
    key, passkey = _registered()
    options = _decoded(PARTY.request_options([passkey], CHALLENGE))
    PARTY.asserted(Answer(key.get(options)), passkey)
    options["allowCredentials"] = []
    WRONG[wrong](key)
    with pytest.raises(PasskeyRefused):
        PARTY.asserted(Answer(key.get(options)), passkey)


for _text, _source, _wrong in (
    ("A passkey's answer for another origin is refused", "WebAuthn 7.2, step 13", "another origin"),
    ("A passkey's answer for another port of ours is refused", "WebAuthn 7.2, step 13",
     "another port"),
    ("A passkey's answer for another relying party is refused", "WebAuthn 7.2, step 15",
     "another relying party"),
    ("A passkey that did not check the person is refused", "WebAuthn 7.2, step 17",
     "user not verified"),
    ("A passkey that nobody touched is refused", "WebAuthn 7.2, step 16", "user not present"),
    ("A passkey's answer signed by another key is refused", "WebAuthn 7.2, step 21",
     "another key"),
    ("A passkey's answer in another user's name is refused", "WebAuthn 7.2, step 6",
     "another user"),
    ("A passkey whose backup eligibility changes is refused", "WebAuthn 7.2, step 19",
     "backup eligibility changed"),
):  # fmt: skip
    group.row(_text, _source, partial(_refused, _wrong))


@group.holds("A passkey is not added for another origin or without checking the person",
             "WebAuthn 7.1, step 12")  # fmt: skip
async def _not_added(_: Rig, __: Tokens) -> None:
    user = "01a208f1-e127-73df-bb33-dd1a967b1039"
    options = _decoded(PARTY.creation_options(user, "ada", "Ada", [], CHALLENGE))
    for wrong in (
        SoftwareAuthenticator("https://evil.example"),
        SoftwareAuthenticator(PARTY.origin, rp_id="evil.example"),
        SoftwareAuthenticator(PARTY.origin, flags=UP | BE | BS),
        SoftwareAuthenticator(PARTY.origin, flags=UV | BE | BS),
    ):
        with pytest.raises(PasskeyRefused):
            PARTY.registered(Answer(wrong.create(options)), "Laptop")


@group.holds("A challenge works once, in its browser, for its purpose and person, for minutes",
             "WebAuthn 13.4.3")  # fmt: skip
async def _challenge(rig: Rig, _: Tokens) -> None:
    redis = redis_client.connect(rig.settings.redis_url)
    now = [1_000_000]
    challenges = Challenges(redis, Keys(rig.settings.key_prefix), lambda: now[0])
    try:
        for purpose, holder, user, good in (
            (Purpose.SIGN_IN, "browser", "", True),
            (Purpose.SECOND_STEP, "browser", "", False),
            (Purpose.SIGN_IN, "another", "", False),
            (Purpose.SIGN_IN, "browser", "ada", False),
        ):
            challenge = await challenges.issue(Purpose.SIGN_IN, "browser")
            assert await challenges.take(challenge, purpose, holder, user) == good
            assert not await challenges.take(challenge, Purpose.SIGN_IN, "browser")
        challenge = await challenges.issue(Purpose.SIGN_IN, "browser")
        now[0] += TIMEOUT_MS + 1
        assert not await challenges.take(challenge, Purpose.SIGN_IN, "browser")
    finally:
        await redis.aclose()
