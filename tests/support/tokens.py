"""An issuer of access tokens for tests: its own key, served as auth serves its own."""

from __future__ import annotations

import json
import time
from typing import Any, Final, Self

import jwt
from aiohttp import BasicAuth, web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from shared import internal
from shared.ids import new_id
from shared.tokens import ALGORITHM, USER_AUDIENCE, USER_SCOPE

LIFETIME_S: Final = 300.0


class TestIssuer:
    """Signs tokens (RFC 9068) and serves the key to check them at ``/.well-known/jwks.json``.

    Use it as a context manager; ``url`` is both the issuer and where auth would be.
    """

    __test__ = False  # for pytest: no tests in here

    def __init__(self) -> None:
        self.kid = new_id()
        self.fetches = 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        app = web.Application()
        app.router.add_get("/.well-known/jwks.json", self._jwks)
        app.router.add_post("/connect/token", self._token)
        self._server = TestServer(app, host="127.0.0.1")

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return str(self._server.make_url("/")).rstrip("/")

    def user_token(self, user: str, *, session: str = "", **claims: Any) -> str:
        """A user's access token; ``claims`` replace or add."""
        own = {"sub": user, "aud": USER_AUDIENCE, "scope": f"openid {USER_SCOPE}"}
        return self.sign(own | {"sid": session or new_id(), "client_id": "agileim-cli"} | claims)

    def service_token(self, scope: str, *, client: str = "some-service", **claims: Any) -> str:
        """A service's token with a scope of :mod:`shared.internal`."""
        own = {"sub": client, "client_id": client, "aud": internal.AUDIENCE, "scope": scope}
        return self.sign(own | claims)

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token with these claims beside issuer, times and id; None removes a claim."""
        now = time.time()
        full = {"iss": self.url, "iat": int(now), "exp": int(now + LIFETIME_S), "jti": new_id()}
        full = {name: value for name, value in (full | claims).items() if value is not None}
        return jwt.encode(
            full, self._key, ALGORITHM, headers={"typ": "at+jwt", "kid": self.kid} | header
        )

    async def _jwks(self, _: web.Request) -> web.Response:
        self.fetches += 1
        jwk = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        return web.json_response(
            {"keys": [jwk | {"kid": self.kid, "use": "sig", "alg": ALGORITHM}]}
        )

    async def _token(self, request: web.Request) -> web.Response:
        """Client credentials (RFC 6749, section 4.4): of a service, whatever its secret."""
        client = BasicAuth.decode(request.headers["Authorization"]).login
        token = self.service_token(f"internal.{client}", client=client)
        return web.json_response({"access_token": token, "expires_in": LIFETIME_S})
