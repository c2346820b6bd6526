"""Clients (RFC 6749, section 2): the two of AgileIM itself, others from a file, and the services.

The first two are public (section 2.1): what they hold, their user can read. Those of a file need
the user's consent. Service clients get tokens for the inside only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from services.auth.domain.redirects import registration_fault
from services.auth.domain.scopes import SUPPORTED

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT_CREDENTIALS = "client_credentials"
GRANTS = (AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE, CLIENT_CREDENTIALS)

SERVICE_SECRET_MIN_CHARS = 16
BROWSER_CLIENT = "agileim-web"

T = TypeVar("T")


class ClientsFault(Exception):
    """A file of clients cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Client:
    """An application that asks for tokens."""

    client_id: str
    name: str
    grants: frozenset[str]
    scopes: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    first_party: bool = False
    secret_digest: bytes = b""  # SHA-256; empty for a public client
    post_logout_redirect_uris: tuple[str, ...] = ()
    in_browser: bool = False  # served from our own origin: its refresh token may be in a cookie

    @property
    def public(self) -> bool:
        """Whether it has no secret (RFC 6749, section 2.1)."""
        return not self.secret_digest

    def has_secret(self, secret: str) -> bool:
        """Compared in constant time."""
        given = hashlib.sha256(secret.encode()).digest()
        return hmac.compare_digest(given, self.secret_digest)


class Clients:
    """All clients by id."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._by_id = {client.client_id: client for client in clients}

    def get(self, client_id: str) -> Client | None:
        return self._by_id.get(client_id)


def first_party_clients(issuer: str) -> list[Client]:
    """The clients that AgileIM brings along."""
    return [
        Client(
            client_id="agileim-cli",
            name="AgileIM",
            grants=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE}),
            scopes=frozenset(SUPPORTED),
            redirect_uris=("http://127.0.0.1/callback", "http://[::1]/callback"),
            first_party=True,
        ),
        Client(
            client_id=BROWSER_CLIENT,
            name="AgileIM",
            grants=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN}),
            scopes=frozenset(SUPPORTED),
            redirect_uris=(f"{issuer}/", f"{issuer}/callback"),
            first_party=True,
            post_logout_redirect_uris=(f"{issuer}/",),
            in_browser=True,
        ),
    ]


class _FileClient(msgspec.Struct, forbid_unknown_fields=True):
    client_id: str
    name: str
    redirect_uris: list[str] = []
    scopes: Sequence[str] = SUPPORTED
    grants: Sequence[str] = (AUTHORIZATION_CODE, REFRESH_TOKEN)
    secret: str = ""
    post_logout_redirect_uris: list[str] = []


class _FileService(msgspec.Struct, forbid_unknown_fields=True):
    secret: str
    scopes: list[str]


def read_clients(path: Path) -> list[Client]:
    """Third-party clients: a JSON array of ``{"client_id", "name", "redirect_uris", "scopes",
    "grants", "secret", "post_logout_redirect_uris"}``; the last four may be left out.

    Raises :class:`ClientsFault`.
    """
    clients = []
    for entry in _read(path, list[_FileClient]):
        name = entry.client_id
        if not name or name.startswith("agileim-"):
            raise ClientsFault(f"client id {name!r} is empty or reserved")
        for uri in (*entry.redirect_uris, *entry.post_logout_redirect_uris):
            if fault := registration_fault(uri):
                raise ClientsFault(f"{name}: {uri} {fault}")
        if unknown := set(entry.scopes) - set(SUPPORTED):
            raise ClientsFault(f"{name}: unknown scopes {', '.join(sorted(unknown))}")
        if unknown := set(entry.grants) - set(GRANTS[:3]):
            raise ClientsFault(f"{name}: unknown grants {', '.join(sorted(unknown))}")
        if AUTHORIZATION_CODE in entry.grants and not entry.redirect_uris:
            raise ClientsFault(f"{name}: no redirect URI")
        clients.append(
            Client(
                client_id=name,
                name=entry.name,
                grants=frozenset(entry.grants),
                scopes=frozenset(entry.scopes),
                redirect_uris=tuple(entry.redirect_uris),
                post_logout_redirect_uris=tuple(entry.post_logout_redirect_uris),
                secret_digest=_digest(entry.secret),
            )
        )
    return clients


def read_service_clients(path: Path) -> list[Client]:
    """Service clients: a JSON object such as ``{"gateway": {"secret": "…",
    "scopes": ["internal.gateway"]}}``.

    Raises :class:`ClientsFault`.
    """
    clients = []
    for client_id, entry in _read(path, dict[str, _FileService]).items():
        if len(entry.secret) < SERVICE_SECRET_MIN_CHARS:
            raise ClientsFault(
                f"{client_id}: the secret has under {SERVICE_SECRET_MIN_CHARS} characters"
            )
        for scope in entry.scopes:
            if not scope.startswith("internal.") or " " in scope:
                raise ClientsFault(f"{client_id}: {scope!r} is no scope of a service")
        clients.append(
            Client(
                client_id=client_id,
                name=client_id,
                grants=frozenset({CLIENT_CREDENTIALS}),
                scopes=frozenset(entry.scopes),
                secret_digest=_digest(entry.secret),
            )
        )
    return clients


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest() if secret else b""


def _read(path: Path, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=shape)
    except OSError as error:
        raise ClientsFault(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ClientsFault(f"{path}: {error}") from error
