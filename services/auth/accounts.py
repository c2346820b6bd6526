"""Accounts, sessions and consents: api keeps them, auth asks by internal HTTP.

Every call may reach api twice (see :mod:`shared.service_client`); each is idempotent by an id,
hash or token hash that auth has chosen.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from services.auth.domain import claims
from services.auth.keyring import KeyRing
from shared.ids import new_id
from shared.internal import (
    SCOPE_AUTH,
    Account,
    AuditBatch,
    AuditEvent,
    Consent,
    EmailChange,
    EmailQuery,
    NewAccount,
    NewSession,
    PasswordChange,
    Rotation,
    RotationReply,
    SessionEnd,
    SessionEnded,
    SessionList,
    SessionQuery,
    SessionRecord,
)
from shared.service_client import ApiClient, ApiRefused
from shared.services import SCOPE_SERVICE, Tell, Told

CLIENT_ID = "auth"
_SCOPE = f"{SCOPE_AUTH} {SCOPE_SERVICE}"  # the second to tell people what happened
_LIVES_S = 300
_RENEW_BEFORE_S = 60


class OwnTokens:
    """auth's own service tokens, which it signs itself."""

    def __init__(self, keys: KeyRing, issuer: str, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._issuer = issuer
        self._now = now
        self._token = ""
        self._renew_at = 0.0

    async def token(self) -> str:
        """A token that is valid for some time yet."""
        now = self._now()
        if now >= self._renew_at:
            self._token = self._keys.sign(
                claims.service_access(
                    CLIENT_ID, _SCOPE, issuer=self._issuer, now=int(now), lives_s=_LIVES_S,
                    jti=new_id(),
                ),
                claims.ACCESS_TOKEN_TYPE,
            )  # fmt: skip
            self._renew_at = now + _LIVES_S - _RENEW_BEFORE_S
        return self._token

    def reject(self, token: str) -> None:
        """``token`` was not accepted: sign another one."""
        if token == self._token:
            self._renew_at = 0.0


class HandleTaken(Exception):
    """Someone else has that handle."""


class EmailTaken(Exception):
    """Someone else has proved that the address is theirs."""


class Accounts:
    """What auth asks of api. Every method raises ApiUnavailable."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def create(self, account: NewAccount) -> Account:
        """Raises :class:`HandleTaken`."""
        try:
            return await self._api.call("POST", "/internal/v1/accounts", account, Account)
        except ApiRefused as refused:
            if refused.status == 409:
                raise HandleTaken from refused
            raise

    async def by_handle(self, handle: str) -> Account | None:
        """The account with a handle in normal form."""
        return await self._find("/internal/v1/accounts", {"handle": handle})

    async def by_id(self, user: str) -> Account | None:
        """The account of a user."""
        return await self._find(f"/internal/v1/accounts/{user}", None)

    async def change_password(self, user: str, password_hash: str) -> None:
        """Keep another hash."""
        path = f"/internal/v1/accounts/{user}/password"
        await self._api.call("PUT", path, PasswordChange(password_hash), type(None))

    async def by_email(self, key: str) -> Account | None:
        """The account to which an address belongs."""
        try:
            path = "/internal/v1/emails/find"
            return await self._api.call("POST", path, EmailQuery(key), Account)
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def put_email(self, user: str, address: str, key: str) -> None:
        """Give an account an address that was proved. Raises :class:`EmailTaken`."""
        path = f"/internal/v1/accounts/{user}/email"
        try:
            await self._api.call("PUT", path, EmailChange(address, key), type(None))
        except ApiRefused as refused:
            if refused.status == 409:
                raise EmailTaken from refused
            raise

    async def remove_email(self, user: str) -> None:
        """Forget an account's address; gone before is as good."""
        try:
            path = f"/internal/v1/accounts/{user}/email"
            await self._api.call("DELETE", path, None, type(None))
        except ApiRefused as refused:
            if refused.status != 404:
                raise

    async def begin_session(self, session: NewSession) -> None:
        """Record a sign-in on a device."""
        await self._api.call("POST", "/internal/v1/sessions", session, type(None))

    async def rotate(self, rotation: Rotation) -> RotationReply:
        """Replace a refresh token by the next one."""
        return await self._api.call("POST", "/internal/v1/sessions/rotate", rotation, RotationReply)

    async def end(self, which: SessionEnd) -> SessionEnded:
        """End one session, or all of a user's."""
        return await self._api.call("POST", "/internal/v1/sessions/end", which, SessionEnded)

    async def sessions(self, which: SessionQuery) -> list[SessionRecord]:
        """Live sessions of enabled users."""
        path = "/internal/v1/sessions/find"
        return (await self._api.call("POST", path, which, SessionList)).sessions

    async def consent(self, user: str, client_id: str) -> str:
        """The scope that a user has granted a client, or empty."""
        path = f"/internal/v1/consents/{user}/{client_id}"
        return (await self._api.call("GET", path, None, Consent)).scope

    async def give_consent(self, user: str, client_id: str, scope: str) -> None:
        """Remember what a user has granted a client."""
        path = f"/internal/v1/consents/{user}/{client_id}"
        await self._api.call("PUT", path, Consent(scope), Consent)

    async def tell(self, user: str, identifier: str, text: str) -> None:
        """Tell a person something in their inbox, once. Raises ApiRefused."""
        told = Tell(identifier, text, [user])
        await self._api.call("POST", "/internal/v1/tell", told, Told)

    async def audit(self, events: list[AuditEvent]) -> None:
        """Keep security events. Raises ApiRefused."""
        await self._api.call("POST", "/internal/v1/audit", AuditBatch(events), type(None))

    async def _find(self, path: str, params: dict[str, str | int] | None) -> Account | None:
        try:
            return await self._api.call("GET", path, None, Account, params=params)
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise
