"""Statements about bots and their secrets."""

from __future__ import annotations

import hashlib
from functools import partial

from tests.auth import test_bots as bots
from tests.auth.rig import Rig
from tests.auth.security.statements import Group
from tests.support.signin import Tokens

group = Group("Bots", "B")

for _text, _source, _check in (
    ("A wrong secret, or another account's, signs no bot in", "RFC 6749, 5.2",
     bots.test_wrong_secret_is_refused),
    ("Two secrets are good at once until one is revoked or its time is over", "ASVS 2.10.2",
     bots.test_two_secrets_are_good_at_once_and_no_longer_than_said),
    ("With an ended bot go its tokens and sockets", "RFC 7009, 2.1",
     bots.test_ended_bot_is_out_for_good),
):  # fmt: skip
    group.row(_text, _source, _check)


async def _disabled(whose: str, rig: Rig, ada: Tokens) -> None:
    await bots.test_disabled_account_gets_no_tokens(rig, ada, whose)


for _whose, _who in (("bot", "A disabled bot"), ("owner", "A disabled owner's bot")):
    group.row(f"{_who} gets no tokens", "ASVS 4.1.1", partial(_disabled, _whose))


@group.holds("Secrets of bots are not stored in clear", "ASVS 2.10.4")
async def _hashed(rig: Rig, ada: Tokens) -> None:
    _, bot = await bots._ask(rig, "POST", "", ada.access_token, bots.BOT)
    rows = await rig.database.fetch_all("SELECT digest FROM client_secrets")
    assert [bytes(row[0]) for row in rows] == [hashlib.sha256(bot["secret"].encode()).digest()]
