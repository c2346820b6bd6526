"""The records of OAuth clients, between auth, which knows the rules, and api, which keeps them:
``/internal/v1/clients``, scope ``internal.auth``."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class SecretRecord(Struct, frozen=True, omit_defaults=True):
    """``digest``: hex SHA-256 of the secret. It is good until ``expires_at``, if that is given."""

    id: str
    digest: str
    created_at: datetime
    expires_at: datetime | None = None


class ClientEntry(Struct, frozen=True, omit_defaults=True):
    """PUT /internal/v1/clients/{id} → 200 ClientRecord; 409 when ``version`` is not the stored one
    (0: none is stored yet); 422 when there are too many. The same again changes nothing."""

    client_id: str
    name: str
    kind: str
    grants: list[str]
    scopes: list[str]
    audiences: list[str]
    auth_method: str
    redirect_uris: list[str] = []
    post_logout_redirect_uris: list[str] = []
    disabled: bool = False
    version: int = 0


class ClientRecord(ClientEntry, frozen=True, kw_only=True, omit_defaults=True):
    """GET /internal/v1/clients/{id} → 200, 404. Secrets: the newest first, good ones only."""

    owner: str = ""
    created_at: datetime
    updated_at: datetime
    secrets: list[SecretRecord] = []


class ClientPage(Struct, frozen=True):
    """GET /internal/v1/clients?after=&limit= (bots left out) or ?owner=U (their bots): by id."""

    clients: list[ClientRecord]
    next: str = ""


class NewSecret(Struct, frozen=True):
    """PUT /internal/v1/clients/{id}/secrets/{secret} → 204, 404. The newest one of before stays
    good for ``overlap_s`` seconds; older ones go."""

    digest: str
    overlap_s: int


class NewBot(Struct, frozen=True):
    """POST /internal/v1/bots → 201 ClientRecord: a user of kind ``bot``, and its client under the
    same id. 409: the handle is taken, or the owner has BOTS_PER_OWNER_MAX bots (field ``owner``).
    The same again changes nothing."""

    user: str
    owner: str  # a person, or empty: the operators' own
    handle: str
    display_name: str
    scopes: list[str]
