"""Statements about signing in with an OpenID provider outside, honest or lying."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from services.auth.domain.outside import WrongIdentity
from tests.auth import test_outside as outside
from tests.auth import test_outside_rules as rules
from tests.auth.rig import Rig
from tests.auth.security.statements import Group
from tests.support.signin import Tokens

group = Group("Signing in elsewhere", "E")
together = Group("Signing in elsewhere", "E", "outside")


async def _refused(changes: dict[str, Any], _: Rig, __: Tokens) -> None:
    """A good ID token is believed; the same with these claims is not."""
    async with rules.lying() as liar, rules.our_side(liar) as ours:
        assert (await ours.identity("c", rules.ASKED)).subject == "42"
        liar.claims = {**liar.claims, **changes}
        with pytest.raises(WrongIdentity):
            await ours.identity("c", rules.ASKED)


for _what, _source, _changes in (
    ("with another sign-in's nonce", "OpenID Connect Core, 3.1.3.7", {"nonce": "other"}),
    ("without the nonce", "OpenID Connect Core, 3.1.3.7", {"nonce": None}),
    ("of another issuer", "OpenID Connect Core, 3.1.3.7", {"iss": "https://evil.example"}),
    ("for another client", "OpenID Connect Core, 3.1.3.7", {"aud": "them"}),
    ("for us and others without saying to whom", "OpenID Connect Core, 3.1.3.7",
     {"aud": ["us", "them"]}),
    ("that has expired", "OpenID Connect Core, 3.1.3.7", {"exp": rules.NOW - 120}),
):  # fmt: skip
    group.row(
        f"A provider's ID token {_what} signs nobody in", _source, partial(_refused, _changes)
    )


@group.holds("A provider's ID token that it did not sign signs nobody in", "RFC 8725, 2.1")
async def _forged(_: Rig, __: Tokens) -> None:
    async with rules.lying() as liar, rules.our_side(liar) as ours:
        await rules.test_tokens_that_nobody_signed_are_refused(liar, ours)


@group.holds("An answer that hides its issuer, where the provider promises it, is refused",
             "RFC 9207, 2.4")  # fmt: skip
async def _hidden(_: Rig, __: Tokens) -> None:
    async with rules.lying() as liar, rules.our_side(liar) as ours:
        await rules.test_issuer_of_the_answer_where_it_is_promised(liar, ours)


async def _known(check: Any, rig: Rig, _: Tokens) -> None:
    """For checks that bring their own people."""
    await check(rig)


async def _links_nothing(ours: str, rig: Rig, ada: Tokens) -> None:
    await outside.test_unverified_or_other_address_links_nothing(rig, ada, ours)


for _text, _source, _check in (
    ("An answer with a wrong, used or another browser's state is refused", "RFC 9700, 4.7",
     partial(_known, outside.test_answer_is_taken_once_and_by_the_browser_that_asked)),
    ("An answer with another issuer is refused", "RFC 9207, 2.4",
     partial(_known, outside.test_answer_of_another_issuer_is_refused)),
    ("An address that the provider has not verified links to no account",
     "OpenID Connect Core, 5.7",
     partial(_links_nothing, "new-ada@lovelace.example")),
    ("An address that the account has not proved links nobody to it",
     "OpenID Connect Core, 5.7",
     partial(_links_nothing, "")),
    ("Nothing is linked without consent", "ASVS 4.1.3",
     outside.test_without_consent_nothing_is_linked),
    ("Another account's identity outside cannot be taken", "ASVS 4.2.1",
     outside.test_identity_of_somebody_else_is_not_linked),
    ("Somebody from outside takes over no handle", "ASVS 4.2.1",
     outside.test_handle_of_another_account_is_not_taken_over),
    ("Who comes from outside is asked for their second factor", "ASVS 4.3.1",
     outside.test_second_factor_that_is_set_up_is_asked_for),
    ("A disabled account does not come in from outside", "ASVS 4.1.1",
     outside.test_disabled_account_is_refused),
    ("An account without a password has none that works", "ASVS 2.10.1",
     partial(_known, outside.test_nobody_gets_in_with_a_password_to_an_account_without)),
):  # fmt: skip
    together.row(_text, _source, _check)
