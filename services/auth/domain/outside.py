"""OpenID providers outside: what the settings say about them, and what they say about people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from services.auth.domain import display_names

ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\Z")
SUBJECT_MAX_CHARS: Final = 255  # OpenID Connect Core, section 2
LEEWAY_S: Final = 60
# Asymmetric ones: with `none` or HMAC anybody, or whoever knows our secret, could sign.
ALGORITHMS: Final = ("ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384",
                     "PS512", "EdDSA")  # fmt: skip


class ProvidersFault(Exception):
    """The file of providers cannot be used, and why."""


class WrongIdentity(Exception):
    """What a provider says is not acceptable; the text never holds a token."""


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider of the file. ``trust_email``: what it calls verified, we do; else its people
    always get accounts of their own."""

    id: str  # in our URLs
    name: str  # on the button
    issuer: str
    client_id: str
    client_secret: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    trust_email: bool = True

    def fault(self) -> str:
        """What is wrong with it, or empty."""
        parts = urlsplit(self.issuer)
        loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1")
        if not ID.match(self.id):
            return "id: 1 to 32 of a-z 0-9 -"
        if not display_names.is_display_name(self.name):
            return "name: 1 to 100 visible characters"
        if not ((parts.scheme == "https" or loopback) and parts.hostname) or parts.query:
            return "issuer: an https URL without a query"
        if not self.client_id:
            return "client_id is missing"
        if "openid" not in self.scopes:
            return "scopes: openid is missing"
        return ""


def read_providers(path: Path) -> list[Provider]:
    """A JSON array of ``{"id", "name", "issuer", "client_id", "client_secret", "scopes",
    "trust_email"}``; the last three may be left out. Raises :class:`ProvidersFault`."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[Provider])
    except OSError as error:
        raise ProvidersFault(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ProvidersFault(f"{path}: {error}") from error
    for provider in found:
        if fault := provider.fault():
            raise ProvidersFault(f"{provider.id!r}: {fault}")
    for name in ("id", "issuer"):
        values = [getattr(provider, name) for provider in found]
        if len(set(values)) < len(values):
            raise ProvidersFault(f"two providers have the same {name}")
    return found


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a provider says somebody is. ``email`` only if it says that it is verified."""

    issuer: str
    subject: str
    email: str
    name: str
    handle: str


def check_id_token(claims: Mapping[str, Any], provider: Provider, nonce: str, now: float) -> None:
    """What a signature does not say (OpenID Connect Core, section 3.1.3.7).

    Raises :class:`WrongIdentity`.
    """
    if claims.get("iss") != provider.issuer:
        raise WrongIdentity("another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if provider.client_id not in audiences:
        raise WrongIdentity("for another client")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise WrongIdentity("given to another client")
    if _time(claims, "exp") + LEEWAY_S <= now or _time(claims, "iat") - LEEWAY_S > now:
        raise WrongIdentity("expired, or from the future")
    if claims.get("nonce") != nonce:
        raise WrongIdentity("of another request")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX_CHARS:
        raise WrongIdentity("without a subject")


def identity_of(claims: Mapping[str, Any], provider: Provider) -> Identity:
    """From the claims of an ID token, or of it and userinfo together."""
    verified = claims.get("email_verified") in (True, "true")  # some write it as a text
    email = claims.get("email") if verified and provider.trust_email else ""
    name = display_names.prepared(_text(claims, "name"))
    return Identity(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        email=email if isinstance(email, str) else "",
        name=name if display_names.is_display_name(name) else "",
        handle=_text(claims, "preferred_username") or _text(claims, "nickname"),
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value[:200] if isinstance(value, str) else ""


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongIdentity(f"without {name}")
    return float(value)
