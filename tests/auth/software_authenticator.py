"""An authenticator and its browser, in software (Web Authentication level 3, sections 5 and 6):
what it says can be right, or wrong in one way at a time."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40  # section 6.1
ES256 = -7  # RFC 9053, section 2.1


@dataclass
class SoftwareAuthenticator:
    """Holds one credential."""

    origin: str
    rp_id: str = ""  # empty: the one that is asked for
    flags: int = UP | UV | BE | BS
    sign_count: int = 0
    counts: bool = True
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    user_handle: str = ""
    challenge: str = ""  # empty: the one that was given

    @property
    def id(self) -> str:
        """The credential's id."""
        return text(self.credential_id)

    def create(self, options: dict[str, Any], **changes: Any) -> str:
        """What ``navigator.credentials.create()`` gives, as JSON."""
        assert {"type": "public-key", "alg": ES256} in options["pubKeyCredParams"]
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert self.id not in [one["id"] for one in options.get("excludeCredentials", [])]
        self.user_handle = options["user"]["id"]
        attested = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id
        data = self._data(options["rp"]["id"], AT) + attested + cbor2.dumps(self._cose())
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options["challenge"])
        response = {
            "clientDataJSON": text(client_data),
            "attestationObject": text(attestation),
            "transports": ["internal", "telepathy"],
        }
        return self._credential({**response, **changes})

    def get(self, options: dict[str, Any], **changes: Any) -> str:
        """What ``navigator.credentials.get()`` gives, as JSON."""
        assert options["userVerification"] == "required"
        allowed = [one["id"] for one in options.get("allowCredentials", [])]
        assert not allowed or self.id in allowed
        if self.counts:
            self.sign_count += 1
        data = self._data(options["rpId"], 0)
        client_data = self._client_data("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(client_data).digest()
        response = {
            "clientDataJSON": text(client_data),
            "authenticatorData": text(data),
            "signature": text(self.key.sign(signed, ec.ECDSA(SHA256()))),
            "userHandle": self.user_handle,
        }
        return self._credential({**response, **changes})

    def _data(self, rp_id: str, flags: int) -> bytes:
        digest = hashlib.sha256((self.rp_id or rp_id).encode()).digest()
        return digest + bytes([self.flags | flags]) + self.sign_count.to_bytes(4)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": self.challenge or challenge, "origin": self.origin}
        return json.dumps({**told, "crossOrigin": False}).encode()

    def _cose(self) -> dict[int, Any]:
        point = self.key.public_key().public_numbers()
        return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}

    def _credential(self, response: dict[str, Any]) -> str:
        return json.dumps(
            {
                "id": self.id,
                "rawId": self.id,
                "type": "public-key",
                "clientExtensionResults": {},
                "response": response,
            }
        )


def text(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
