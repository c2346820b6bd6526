"""Passkeys (Web Authentication level 3): what a browser is asked for, and whether its answer is
good. Section numbers are of that document.

User verification is required always, so that a passkey is more than something one has.

What the library refuses it tells by its own exceptions; what in a stranger's bytes it did not
expect, by those of the parsers beneath it. Either way the answer is refused.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import webauthn
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.auth.domain.product import PRODUCT
from shared.factor_records import NewPasskey, Passkey

CHALLENGE_BYTES: Final = 32  # section 13.4.3 asks for 16
TIMEOUT_MS: Final = 300_000  # section 15.1: 5 minutes
CREDENTIAL_ID_MAX_BYTES: Final = 1023  # section 7.1, step 25
CREDENTIAL_MAX_CHARS: Final = 16_384  # an answer has 1-3 KiB
_TRANSPORTS: Final = frozenset(one.value for one in AuthenticatorTransport)


class PasskeyRefused(Exception):
    """The browser's answer is not good; why is for the log, not for the person."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A new passkey as it is kept."""

    id: str
    record: NewPasskey


@dataclass(frozen=True, slots=True)
class Asserted:
    """What a good answer tells about its passkey."""

    sign_count: int
    backed_up: bool


class Answer:
    """A browser's answer, not yet verified: the JSON of a PublicKeyCredential (section 5.1)."""

    def __init__(self, text: str) -> None:
        """Raises :class:`PasskeyRefused`."""
        if len(text) > CREDENTIAL_MAX_CHARS:
            raise PasskeyRefused("too long")
        try:
            self.credential: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
            response = self.credential["response"]
            client_data = msgspec.json.decode(_bytes(response["clientDataJSON"]), type=dict)
            self.id = str(self.credential["id"])
            self.challenge = str(client_data["challenge"])
            self.user_handle = str(response.get("userHandle") or "")
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError, ValueError):
            raise PasskeyRefused("not the JSON of a credential") from None

    @property
    def transports(self) -> list[str]:
        """How the authenticator is reached, as far as we know the words."""
        told = self.credential["response"].get("transports")
        return sorted(_TRANSPORTS & {str(one) for one in told}) if isinstance(told, list) else []


class RelyingParty:
    """We, towards browsers: the issuer's host and origin."""

    def __init__(self, issuer: str) -> None:
        parts = urlsplit(issuer)
        self.id = parts.hostname or ""
        self.origin = issuer
        # Section 5.1.3, step 8: a domain, never an address; and a secure context.
        local = self.id == "localhost" or self.id.endswith(".localhost")
        self.available = (parts.scheme == "https" or local) and not _is_address(self.id)

    def creation_options(
        self, user: str, handle: str, display_name: str, present: Sequence[Passkey], challenge: str
    ) -> str:
        """For ``navigator.credentials.create()``, as JSON (section 5.4)."""
        options = webauthn.generate_registration_options(
            rp_id=self.id,
            rp_name=PRODUCT,
            user_id=uuid.UUID(user).bytes,
            user_name=handle,
            user_display_name=display_name,
            challenge=_bytes(challenge),
            timeout=TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(one) for one in present],
        )
        return webauthn.options_to_json(options)

    def request_options(self, allowed: Sequence[Passkey], challenge: str) -> str:
        """For ``navigator.credentials.get()``, as JSON (section 5.5); nobody allowed: anybody."""
        options = webauthn.generate_authentication_options(
            rp_id=self.id,
            challenge=_bytes(challenge),
            timeout=TIMEOUT_MS,
            allow_credentials=[_descriptor(one) for one in allowed],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return webauthn.options_to_json(options)

    def registered(self, answer: Answer, name: str) -> Registered:
        """A new passkey (section 7.1); the challenge is the caller's to know.

        Raises :class:`PasskeyRefused`.
        """
        try:
            found = webauthn.verify_registration_response(
                credential=answer.credential,
                expected_challenge=_bytes(answer.challenge),
                expected_rp_id=self.id,
                expected_origin=self.origin,
                require_user_verification=True,
            )
        except Exception as fault:
            raise PasskeyRefused(f"{type(fault).__name__}: {fault}"[:200]) from None
        if len(found.credential_id) > CREDENTIAL_ID_MAX_BYTES:
            raise PasskeyRefused("the id is too long")
        record = NewPasskey(
            name=name,
            public_key=_text(found.credential_public_key),
            sign_count=found.sign_count,
            backup_eligible=found.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
            backed_up=found.credential_backed_up,
            transports=answer.transports,
            aaguid=found.aaguid,
        )
        return Registered(_text(found.credential_id), record)

    def asserted(self, answer: Answer, passkey: Passkey) -> Asserted:
        """The holder of this passkey was here (section 7.2); the challenge and the counter are the
        caller's to check. Raises :class:`PasskeyRefused`."""
        if answer.id != passkey.id:
            raise PasskeyRefused("another credential")
        if answer.user_handle and answer.user_handle != _text(uuid.UUID(passkey.user).bytes):
            raise PasskeyRefused("another user's")  # step 6
        try:
            found = webauthn.verify_authentication_response(
                credential=answer.credential,
                expected_challenge=_bytes(answer.challenge),
                expected_rp_id=self.id,
                expected_origin=self.origin,
                credential_public_key=_bytes(passkey.public_key),
                # The counter is compared where it is kept, at once for all replicas.
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except Exception as fault:
            raise PasskeyRefused(f"{type(fault).__name__}: {fault}"[:200]) from None
        eligible = found.credential_device_type == CredentialDeviceType.MULTI_DEVICE
        if eligible != passkey.backup_eligible:
            raise PasskeyRefused("its backup eligibility has changed")  # step 19
        return Asserted(found.new_sign_count, found.credential_backed_up)


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        id=_bytes(passkey.id),
        transports=[AuthenticatorTransport(one) for one in passkey.transports],
    )


def _bytes(text: str) -> bytes:
    """Of base64url without padding. Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
