"""Secrets of registered clients and bots: made here, kept as hashes, shown once."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from services.auth.domain.clients import secret_digest
from services.auth.resources import Auth
from shared.client_records import ClientRecord, NewSecret
from shared.codes import ErrorCode
from shared.entries import Revocation
from shared.ids import new_id
from shared.problems import Problem

_SECRET_BYTES = 32


class Secret(NamedTuple):
    """A secret that its holder is about to see, and by what it is known afterwards."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"Secret(id={self.id!r}, text='…')"


async def new_secret(auth: Auth, client_id: str, *, overlap_s: int) -> Secret:
    """One more secret; the newest before it stays good for ``overlap_s``. Raises ApiUnavailable."""
    secret = Secret(new_id(), secrets.token_urlsafe(_SECRET_BYTES))
    record = NewSecret(secret_digest(secret.text).hex(), overlap_s)
    await auth.client_records.add_secret(client_id, secret.id, record)
    return secret


async def end_secret(auth: Auth, client: ClientRecord, secret: str) -> None:
    """Take a secret back; of a bot, tokens and sockets end with it.

    Raises Problem when the client has no such secret, ApiUnavailable.
    """
    if secret not in [one.id for one in client.secrets]:
        raise Problem(ErrorCode.NOT_FOUND, "There is no such secret.")
    await auth.client_records.remove_secret(client.client_id, secret)
    if client.kind == "bot":
        told = Revocation([secret], user=client.client_id, reason="bot_secret_revoked")
        await auth.revocations.publish(told)
