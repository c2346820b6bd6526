"""The records of second factors: api keeps them, auth asks by internal HTTP."""

from __future__ import annotations

from shared.factor_records import (
    Administrator,
    CodeUse,
    Factors,
    NewAuthenticator,
    NewPasskey,
    NewRecoveryCodes,
    Passkey,
    PasskeyName,
    PasskeyUse,
    RecoveryUse,
    Used,
)
from shared.ids import new_id
from shared.service_client import ApiClient, ApiRefused


class LastFactor(Exception):
    """One has to be left."""


class PasskeyTaken(Exception):
    """Somebody has it."""


class TooManyPasskeys(Exception):
    """There are PASSKEYS_MAX."""


class NoSuchPerson(Exception):
    """The account has gone."""


class FactorRecords:
    """What auth asks of api. Every method raises ApiUnavailable, ApiRefused."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def of(self, user: str) -> Factors:
        """All of a user's. Raises :class:`NoSuchPerson`."""
        try:
            return await self._api.call("GET", _path(user), None, Factors)
        except ApiRefused as refused:
            if refused.status == 404:
                raise NoSuchPerson from refused
            raise

    async def forget(self, user: str) -> None:
        """None of them is left."""
        await self._api.call("DELETE", _path(user), None, type(None))

    async def put_authenticator(self, user: str, sealed: str, step: int) -> None:
        """In place of an earlier one."""
        path = f"{_path(user)}/authenticator"
        await self._api.call("PUT", path, NewAuthenticator(sealed, step), type(None))

    async def use_code(self, user: str, step: int) -> bool:
        """Whether the code of this step was unused."""
        path = f"{_path(user)}/authenticator/use"
        return (await self._api.call("POST", path, CodeUse(new_id(), step), Used)).accepted

    async def remove_authenticator(self, user: str, *, keep_one: bool) -> None:
        """Raises :class:`LastFactor`."""
        await self._remove(f"{_path(user)}/authenticator", keep_one)

    async def passkey(self, passkey: str) -> Passkey | None:
        """By its id, whosever it is."""
        try:
            return await self._api.call("GET", f"/internal/v1/passkeys/{passkey}", None, Passkey)
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def put_passkey(self, user: str, passkey: str, new: NewPasskey) -> None:
        """Raises :class:`PasskeyTaken`, :class:`TooManyPasskeys`."""
        path = f"{_path(user)}/passkeys/{passkey}"
        try:
            await self._api.call("PUT", path, new, type(None))
        except ApiRefused as refused:
            if refused.status != 409:
                raise
            if refused.field == "passkeys":
                raise TooManyPasskeys from refused
            raise PasskeyTaken from refused

    async def rename_passkey(self, user: str, passkey: str, name: str) -> None:
        """Another name."""
        path = f"{_path(user)}/passkeys/{passkey}"
        await self._api.call("PATCH", path, PasskeyName(name), type(None))

    async def use_passkey(self, user: str, passkey: str, sign_count: int, backed_up: bool) -> bool:
        """Whether its counter shows that it is no copy."""
        use = PasskeyUse(new_id(), sign_count, backed_up)
        path = f"{_path(user)}/passkeys/{passkey}/use"
        return (await self._api.call("POST", path, use, Used)).accepted

    async def remove_passkey(self, user: str, passkey: str, *, keep_one: bool) -> None:
        """Raises :class:`LastFactor`."""
        await self._remove(f"{_path(user)}/passkeys/{passkey}", keep_one)

    async def put_recovery_codes(self, user: str, hashes: list[str]) -> None:
        """In place of all earlier ones."""
        path = f"{_path(user)}/recovery-codes"
        await self._api.call("PUT", path, NewRecoveryCodes(hashes), type(None))

    async def use_recovery_code(self, user: str, code_hash: str) -> bool:
        """Whether it is one of the user's and was unused."""
        use = RecoveryUse(new_id(), code_hash)
        path = f"{_path(user)}/recovery-codes/use"
        return (await self._api.call("POST", path, use, Used)).accepted

    async def set_administrator(self, user: str, administrator: bool) -> None:
        """Whether more may be demanded of them."""
        path = f"/internal/v1/accounts/{user}/administrator"
        await self._api.call("PUT", path, Administrator(administrator), type(None))

    async def _remove(self, path: str, keep_one: bool) -> None:
        params: dict[str, str | int] = {"keep_one": "true" if keep_one else "false"}
        try:
            await self._api.call("DELETE", path, None, type(None), params=params)
        except ApiRefused as refused:
            if refused.status == 409:
                raise LastFactor from refused
            raise


def _path(user: str) -> str:
    return f"/internal/v1/accounts/{user}/factors"
