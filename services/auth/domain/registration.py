"""Registered clients: what an operator may ask for, and what becomes of it.

web, desktop, terminal   the operators' own applications: no consent is asked
third_party              applications of others: people agree first
service                  parts of the installation: tokens for the inside
bot                      programs that take part as a user of their own (handlers.bots)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from services.auth.domain import clients, display_names
from services.auth.domain.clients import Client, ClientSecret
from services.auth.domain.redirects import registration_fault
from services.auth.domain.scopes import CHAT, SUPPORTED
from shared.client_records import ClientEntry, ClientRecord
from shared.ids import is_id
from shared.internal import AUDIENCE as SERVICE_AUDIENCE
from shared.tokens import USER_AUDIENCE

OWN_KINDS: Final = ("web", "desktop", "terminal")
KINDS: Final = (*OWN_KINDS, "third_party", "service")
BOT_SCOPES: Final = (CHAT,)
URIS_MAX: Final = 20
METHODS: Final = (clients.NO_AUTHENTICATION, clients.BASIC, clients.POST)

_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])\Z")
_SERVICE_SCOPE: Final = re.compile(r"internal\.[a-z0-9._-]{1,60}\Z")
_RESERVED: Final = "agileim-"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field."""

    field: str
    why: str


def may_be_registered(client_id: str) -> bool:
    """Whether a client could have this id at all."""
    return _ID.match(client_id) is not None and not is_id(client_id)


def fault(entry: ClientEntry) -> Fault | None:
    """The first thing that is wrong with a client."""
    if not may_be_registered(entry.client_id) or entry.client_id.startswith(_RESERVED):
        return Fault("client_id", f"2 to 64 of a-z 0-9 . _ -, and not {_RESERVED}…")
    if not display_names.is_display_name(entry.name):
        return Fault("name", "1 to 100 visible characters")
    if entry.kind not in KINDS:
        return Fault("kind", f"one of {', '.join(KINDS)}")
    if entry.auth_method not in METHODS:
        return Fault("auth_method", f"one of {', '.join(METHODS)}")
    return _service_fault(entry) if entry.kind == "service" else _application_fault(entry)


def _service_fault(entry: ClientEntry) -> Fault | None:
    if entry.redirect_uris or entry.post_logout_redirect_uris:
        return Fault("redirect_uris", "a service has none")
    if entry.grants != [clients.CLIENT_CREDENTIALS]:
        return Fault("grants", f"of a service: {clients.CLIENT_CREDENTIALS}")
    if not entry.scopes or not all(map(_SERVICE_SCOPE.match, entry.scopes)):
        return Fault("scopes", "of a service: internal.…, at least one")
    if entry.audiences != [SERVICE_AUDIENCE]:
        return Fault("audiences", f"of a service: {SERVICE_AUDIENCE}")
    if entry.auth_method == clients.NO_AUTHENTICATION:
        return Fault("auth_method", "a service has a secret")
    return None


def _application_fault(entry: ClientEntry) -> Fault | None:
    people = clients.GRANTS[:3]
    if not entry.grants or set(entry.grants) - set(people):
        return Fault("grants", f"some of {', '.join(people)}")
    if not entry.scopes or set(entry.scopes) - set(SUPPORTED):
        return Fault("scopes", f"some of {', '.join(SUPPORTED)}")
    if entry.audiences != [USER_AUDIENCE]:
        return Fault("audiences", f"of an application: {USER_AUDIENCE}")
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        uris: list[str] = getattr(entry, name)
        if len(uris) > URIS_MAX:
            return Fault(name, f"at most {URIS_MAX}")
        for uri in uris:
            if why := registration_fault(uri):
                return Fault(name, f"{uri[:200]} {why}")
    if clients.AUTHORIZATION_CODE in entry.grants and not entry.redirect_uris:
        return Fault("redirect_uris", "the authorization code grant needs one")
    return None


def client_of(record: ClientRecord) -> Client:
    """A registered client as auth works with it."""
    methods = {record.auth_method} - {clients.NO_AUTHENTICATION}
    bot = record.kind == "bot"
    return Client(
        client_id=record.client_id,
        name=record.name,
        grants=frozenset(record.grants),
        scopes=frozenset(record.scopes),
        redirect_uris=tuple(record.redirect_uris),
        post_logout_redirect_uris=tuple(record.post_logout_redirect_uris),
        first_party=record.kind in OWN_KINDS,
        secrets=tuple(
            ClientSecret(
                digest=bytes.fromhex(secret.digest),
                id=secret.id,
                expires_at=secret.expires_at.timestamp() if secret.expires_at else float("inf"),
            )
            for secret in record.secrets
        ),
        # A bot's program may show its secret in either way.
        auth_methods=frozenset({clients.BASIC, clients.POST} if bot else methods),
        confidential=bool(methods),
        is_bot=bot,
        owner=record.owner,
    )
