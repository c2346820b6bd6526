"""What people prove themselves with besides the password, between auth, which knows the rules, and
api, which keeps the records: scope ``internal.auth``.

Whatever is used up by a request names the request's own id: the same request again is answered the
same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

# Phone, laptop, security key and a spare of each, several times over.
PASSKEYS_MAX: Final = 20


class Authenticator(Struct, frozen=True, omit_defaults=True):
    """An authenticator application. ``sealed``: its secret, readable by auth only. ``last_step``:
    codes of this time step (RFC 6238, section 4.2) and earlier ones are used up."""

    sealed: str
    last_step: int
    created_at: datetime
    used_at: datetime | None = None


class Passkey(Struct, frozen=True, omit_defaults=True):
    """GET /internal/v1/passkeys/{id} → 200 Passkey, 404. ``id`` and ``public_key`` (COSE) are
    base64url without padding."""

    id: str
    user: str
    name: str
    public_key: str
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    created_at: datetime
    transports: list[str] = []
    aaguid: str = ""
    used_at: datetime | None = None


class Factors(Struct, frozen=True):
    """GET /internal/v1/accounts/{user}/factors → 200, 404; DELETE → 204: none of them is left.
    ``recovery_codes``: how many are unused. Passkeys in the order in which they came."""

    authenticator: Authenticator | None
    passkeys: list[Passkey]
    recovery_codes: int
    administrator: bool = False


class NewAuthenticator(Struct, frozen=True):
    """PUT …/factors/authenticator → 204, in place of an earlier one; 404.
    DELETE …/factors/authenticator?keep_one= → 204; 409 when one has to be left and it is the
    last."""

    sealed: str
    step: int  # of the code that confirmed it


class CodeUse(Struct, frozen=True):
    """POST …/factors/authenticator/use → Used: accepted if no code of this step or a later one was
    used before."""

    id: str
    step: int


class NewPasskey(Struct, frozen=True):
    """PUT …/factors/passkeys/{id} → 204; 409 when somebody has it, or there are PASSKEYS_MAX
    (field ``passkeys``); 404. PATCH takes a :class:`PasskeyName` → 204, 404.
    DELETE ?keep_one= → 204; 409 when one has to be left and it is the last."""

    name: str
    public_key: str
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    transports: list[str]
    aaguid: str


class PasskeyName(Struct, frozen=True):
    """What its owner calls it."""

    name: str


class PasskeyUse(Struct, frozen=True):
    """POST …/factors/passkeys/{id}/use → Used: accepted if the counter has grown, or is 0 as ever
    (WebAuthn level 3, section 6.1.1)."""

    id: str
    sign_count: int
    backed_up: bool


class NewRecoveryCodes(Struct, frozen=True):
    """PUT …/factors/recovery-codes → 204, in place of all earlier ones; 404. Hashes in hex."""

    hashes: list[str]


class RecoveryUse(Struct, frozen=True):
    """POST …/factors/recovery-codes/use → Used: accepted if it is one, and was not used before."""

    id: str
    hash: str


class Used(Struct, frozen=True):
    """Whether it was good. A sign-in goes on with True only."""

    accepted: bool


class Administrator(Struct, frozen=True):
    """PUT /internal/v1/accounts/{user}/administrator → 204, 404."""

    administrator: bool
