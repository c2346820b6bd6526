"""Links between accounts and identities outside: api keeps them, auth asks by internal HTTP. Every
method raises ApiUnavailable."""

from __future__ import annotations

from services.auth.domain.outside import Identity
from shared.internal import (
    Account,
    OutsideIdentities,
    OutsideIdentity,
    OutsideLink,
    OutsideQuery,
    OutsideUnlink,
)
from shared.service_client import ApiClient, ApiRefused

_BASE = "/internal/v1/outside"


class AlreadyLinked(Exception):
    """The identity is another account's, or the account has another one of that provider."""


class OutsideRecords:
    """What auth asks of api."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def owner(self, identity: Identity) -> Account | None:
        """The account that an identity is linked to."""
        query = OutsideQuery(identity.issuer, identity.subject)
        try:
            return await self._api.call("POST", f"{_BASE}/find", query, Account)
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def of(self, user: str) -> list[OutsideIdentity]:
        """A person's."""
        found = await self._api.call("GET", f"{_BASE}/of/{user}", None, OutsideIdentities)
        return found.identities

    async def link(self, user: str, identity: Identity) -> None:
        """Raises :class:`AlreadyLinked`."""
        label = identity.email or identity.handle or identity.name
        link = OutsideLink(user, identity.issuer, identity.subject, label)
        try:
            await self._api.call("POST", f"{_BASE}/link", link, type(None))
        except ApiRefused as refused:
            if refused.status == 409:
                raise AlreadyLinked from refused
            raise

    async def unlink(self, user: str, issuer: str) -> None:
        """Gone before is as good."""
        try:
            await self._api.call("POST", f"{_BASE}/unlink", OutsideUnlink(user, issuer), type(None))
        except ApiRefused as refused:
            if refused.status != 404:
                raise
