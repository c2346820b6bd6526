"""Access tokens as auth would issue them, and the many wrong ones."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from shared.ids import new_id

ISSUER = "https://chat.test"


class Issuer:
    """One signing key."""

    def __init__(self, kid: str = "k1") -> None:
        self.kid = kid
        self.key = ec.generate_private_key(ec.SECP256R1())

    def jwks(self) -> dict[str, Any]:
        jwk = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**jwk, "kid": self.kid, "use": "sig", "alg": "ES256"}]}

    def token(self, user: str, session: str, *, expires_in_s: float = 300.0, **claims: Any) -> str:
        """A good token, but for what ``claims`` say otherwise."""
        now = time.time()
        payload = {
            "iss": ISSUER, "sub": user, "aud": "agileim", "exp": now + expires_in_s,
            "iat": now - 1, "jti": new_id(), "client_id": "test", "scope": "openid chat",
            "sid": session, **claims,
        }  # fmt: skip
        headers = {"typ": "at+jwt", "kid": self.kid}
        return jwt.encode(payload, self.key, algorithm="ES256", headers=headers)

    def ticket(self, user: str, session: str, **claims: Any) -> str:
        """A good ticket of no page, but for what ``claims`` say otherwise."""
        now = time.time()
        payload = {
            "iss": ISSUER, "sub": user, "aud": "agileim-socket", "exp": now + 30, "iat": now - 1,
            "jti": new_id(), "client_id": "test", "scope": "openid chat", "sid": session,
            "origin": "", "token_exp": int(now) + 300, **claims,
        }  # fmt: skip
        headers = {"typ": "ticket+jwt", "kid": self.kid}
        return jwt.encode(payload, self.key, algorithm="ES256", headers=headers)

    def unsigned(self, user: str, session: str) -> str:
        """The same with `alg: none` (RFC 8725, section 2.1)."""
        good = jwt.decode(self.token(user, session), options={"verify_signature": False})
        return jwt.encode(good, "", algorithm="none", headers={"typ": "at+jwt", "kid": self.kid})
