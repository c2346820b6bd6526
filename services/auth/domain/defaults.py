"""What a registered client gets when it does not say."""

from __future__ import annotations

from typing import Any, Final

from services.auth.domain import clients
from services.auth.domain.scopes import SUPPORTED
from shared.internal import AUDIENCE as SERVICE_AUDIENCE
from shared.tokens import USER_AUDIENCE

_PEOPLE: Final = [clients.AUTHORIZATION_CODE, clients.REFRESH_TOKEN]
_DEVICES: Final = [*_PEOPLE, clients.DEVICE_CODE]
_APPLICATION: Final[dict[str, Any]] = {
    "scopes": list(SUPPORTED),
    "audiences": [USER_AUDIENCE],
}

_BY_KIND: Final[dict[str, dict[str, Any]]] = {
    "web": {**_APPLICATION, "grants": _PEOPLE, "auth_method": clients.NO_AUTHENTICATION},
    "desktop": {**_APPLICATION, "grants": _DEVICES, "auth_method": clients.NO_AUTHENTICATION},
    "terminal": {**_APPLICATION, "grants": _DEVICES, "auth_method": clients.NO_AUTHENTICATION},
    # Not `chat`: what applications of others may do is said, not assumed.
    "third_party": {
        "scopes": ["openid", "profile"],
        "audiences": [USER_AUDIENCE],
        "grants": _PEOPLE,
        "auth_method": clients.BASIC,
    },
    "service": {
        "scopes": [],
        "audiences": [SERVICE_AUDIENCE],
        "grants": [clients.CLIENT_CREDENTIALS],
        "auth_method": clients.BASIC,
    },
}


def completed(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """``given`` and what goes without saying for that kind."""
    return {**_BY_KIND.get(kind, _BY_KIND["third_party"]), **given}
