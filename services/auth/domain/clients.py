"""Clients (RFC 6749, section 2): the two of AgileIM itself, those of files, and registered ones.

The first two are public (section 2.1): what they hold, their user can read. Those of others need
the user's consent. Service clients get tokens for the inside only. Registered ones come from a
table behind api: see :mod:`services.auth.domain.registration`.
"""

from __future__ import annotations

import hashlib
import hmac
import math
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

BASIC = "client_secret_basic"
POST = "client_secret_post"
NO_AUTHENTICATION = "none"

SERVICE_SECRET_MIN_CHARS = 16
BROWSER_CLIENT = "agileim-web"

T = TypeVar("T")


class ClientsFault(Exception):
    """A file of clients cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One of a client's secrets, of which several may be good at once."""

    digest: bytes  # SHA-256
    id: str = ""  # of a registered one
    expires_at: float = math.inf  # Unix time, s


@dataclass(frozen=True, slots=True)
class Client:
    """An application that asks for tokens."""

    client_id: str
    name: str
    grants: frozenset[str]
    scopes: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    first_party: bool = False
    secrets: tuple[ClientSecret, ...] = ()  # none: a public client
    post_logout_redirect_uris: tuple[str, ...] = ()
    in_browser: bool = False  # served from our own origin: its refresh token may be in a cookie
    auth_methods: frozenset[str] = frozenset({BASIC, POST})  # of a client that has a secret
    confidential: bool = False  # has to have a secret, even if it has none at the moment
    is_bot: bool = False  # its tokens are those of the user with its id
    owner: str = ""  # of a bot: the person without whom it gets none

    @property
    def public(self) -> bool:
        """Whether it has no secret (RFC 6749, section 2.1)."""
        return not self.secrets and not self.confidential

    def secret_like(self, given: str, now: float) -> ClientSecret | None:
        """The good secret that was given. Compared in constant time."""
        digest = secret_digest(given)
        found = None
        for secret in self.secrets:
            if hmac.compare_digest(digest, secret.digest) and now < secret.expires_at:
                found = secret
        return found


class Clients:
    """Clients by id, for as long as the process lives."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._by_id = {client.client_id: client for client in clients}

    def get(self, client_id: str) -> Client | None:
        """The client with this id."""
        return self._by_id.get(client_id)

    @property
    def ids(self) -> frozenset[str]:
        """Ids that nobody else can have."""
        return frozenset(self._by_id)


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
                secrets=_secrets(entry.secret),
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
                secrets=_secrets(entry.secret),
            )
        )
    return clients


def secret_digest(secret: str) -> bytes:
    """How a secret is kept: it is random, so a plain hash suffices."""
    return hashlib.sha256(secret.encode()).digest()


def _secrets(secret: str) -> tuple[ClientSecret, ...]:
    return (ClientSecret(secret_digest(secret)),) if secret else ()


def _read(path: Path, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=shape)
    except OSError as error:
        raise ClientsFault(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ClientsFault(f"{path}: {error}") from error
