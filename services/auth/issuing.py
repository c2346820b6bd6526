"""Token responses (RFC 6749, section 5.1)."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from services.auth.accounts import Accounts
from services.auth.domain import claims, scopes, sealing
from services.auth.domain.claims import Grant, Proof
from services.auth.domain.clients import REFRESH_TOKEN, Client
from services.auth.keyring import KeyRing
from services.auth.settings import AuthSettings
from shared.ids import new_id
from shared.internal import Account, NewSession, Rotation, RotationReply


def token_hash(token: str) -> str:
    """How an opaque token is stored: it is random, so a plain hash suffices."""
    return hashlib.sha256(token.encode()).hexdigest()


class Issuer:
    """Makes tokens and the sessions behind them."""

    def __init__(
        self,
        settings: AuthSettings,
        keys: KeyRing,
        accounts: Accounts,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._accounts = accounts
        self._now = now

    async def begin(
        self, client: Client, grant: Grant, account: Account, *, device: str, auth_time: int,
        nonce: str = "", amr: tuple[str, ...] = (),
    ) -> dict[str, Any]:  # fmt: skip
        """Begin a session and give its first tokens. Without the scope ``offline_access`` (or to
        a client without that grant) no refresh token is given, and the session ends with its one
        access token. Raises ApiUnavailable."""
        refresh = secrets.token_urlsafe(sealing.TOKEN_BYTES)
        lasting = scopes.includes(grant.scope, scopes.OFFLINE) and REFRESH_TOKEN in client.grants
        lives_s = self._settings.refresh_token_s if lasting else self._settings.access_token_s
        await self._accounts.begin_session(
            NewSession(
                session=grant.session,
                user=grant.user,
                client_id=grant.client_id,
                scope=grant.scope,
                device=device,
                refresh_hash=token_hash(refresh),
                expires_at=self._after(lives_s),
            )
        )
        proof = Proof(auth_time, amr)
        response = self._access(grant, proof)
        if lasting:
            response["refresh_token"] = refresh
        self._identify(response, grant, account, proof, nonce)
        return response

    async def rotate(self, client: Client, old: str) -> tuple[RotationReply, str]:
        """Replace a refresh token: what api says, and the new token, which is the one of before
        when the answer got lost. Raises ApiUnavailable."""
        refresh = secrets.token_urlsafe(sealing.TOKEN_BYTES)
        reply = await self._accounts.rotate(
            Rotation(
                client_id=client.client_id,
                old_hash=token_hash(old),
                new_hash=token_hash(refresh),
                expires_at=self._after(self._settings.refresh_token_s),
                sealed=sealing.seal(refresh, old),
            )
        )
        if reply.outcome == "repeated":
            return reply, sealing.unseal(reply.sealed, old)
        return reply, refresh

    def refreshed(self, grant: Grant, refresh: str) -> dict[str, Any]:
        """The answer to a refresh; without an ID token, which may be left out (OpenID Connect
        Core, section 12.2)."""
        return {**self._access(grant), "refresh_token": refresh}

    def service(self, client: Client, scope: str) -> dict[str, Any]:
        """The answer to client credentials (RFC 6749, section 4.4.3)."""
        lives_s = self._settings.access_token_s
        token = claims.service_access(
            client.client_id, scope, issuer=self._settings.issuer, now=int(self._now()),
            lives_s=lives_s, jti=new_id(),
        )  # fmt: skip
        return self._bearer(self._keys.sign(token, claims.ACCESS_TOKEN_TYPE), scope)

    def bot(self, client: Client, scope: str) -> dict[str, Any]:
        """The answer to a bot's client credentials: a token of the user that the bot is. The
        secret that it showed is its session: with the secret go all tokens and sockets."""
        [secret] = client.secrets
        return self._access(Grant(client.client_id, client.client_id, scope, secret.id))

    def _access(self, grant: Grant, proof: Proof | None = None) -> dict[str, Any]:
        token = claims.user_access(
            grant, proof, issuer=self._settings.issuer, now=int(self._now()),
            lives_s=self._settings.access_token_s, jti=new_id(),
        )  # fmt: skip
        return self._bearer(self._keys.sign(token, claims.ACCESS_TOKEN_TYPE), grant.scope)

    def _bearer(self, token: str, scope: str) -> dict[str, Any]:
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self._settings.access_token_s,
            "scope": scope,
        }

    def _identify(
        self,
        response: dict[str, Any],
        grant: Grant,
        account: Account,
        proof: Proof,
        nonce: str,
    ) -> None:
        if not scopes.includes(grant.scope, scopes.OPENID):
            return
        token = claims.identity(
            grant, claims.about(grant.scope, account.handle, account.display_name),
            issuer=self._settings.issuer, now=int(self._now()),
            lives_s=self._settings.access_token_s, proof=proof, nonce=nonce,
        )  # fmt: skip
        response["id_token"] = self._keys.sign(token, "JWT")

    def _after(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC) + timedelta(seconds=seconds)
