"""Authorization requests (RFC 6749, section 4.1.1; OpenID Connect Core, section 3.1.2.1).

Faults are of two kinds. When it is not certain to whom the answer would go, the person is told
(:class:`Unanswerable`); otherwise the client is, by redirect (:class:`Refused`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.auth.domain import pkce, redirects, scopes
from services.auth.domain.authentication import ACR_VALUES
from services.auth.domain.clients import AUTHORIZATION_CODE, Client, Clients
from services.auth.domain.parameters import Duplicated, single_valued

STATE_MAX_CHARS = 2048
NONCE_MAX_CHARS = 512
_UNSUPPORTED = {"request": "request_not_supported", "request_uri": "request_uri_not_supported"}
PROMPTS = frozenset({"none", "login", "consent", "select_account", "create"})


class Unanswerable(Exception):
    """Whom to answer is not known: an error page. ``reason`` is a key of the texts."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(Exception):
    """The client is told by redirect (RFC 6749, section 4.1.2.1)."""

    def __init__(self, redirect_uri: str, state: str, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.redirect_uri = redirect_uri
        self.state = state
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that can be granted, once the user is known and agrees."""

    client: Client
    redirect_uri: str
    scope: str
    state: str
    code_challenge: str
    nonce: str
    prompt: frozenset[str]
    max_age_s: int | None
    login_hint: str
    acr_values: tuple[str, ...]

    def refused(self, error: str, description: str) -> Refused:
        """The answer that this request cannot be granted after all."""
        return Refused(self.redirect_uri, self.state, error, description)


def read_request(pairs: Iterable[tuple[str, str]], clients: Clients) -> AuthorizationRequest:
    """Check a request's parameters.

    Raises :class:`Unanswerable`, :class:`Refused`.
    """
    duplicated: Duplicated | None = None
    try:
        given = single_valued(pairs)
    except Duplicated as repeated:
        given, duplicated = repeated.rest, repeated
    client = clients.get(given.get("client_id", ""))
    if client is None or AUTHORIZATION_CODE not in client.grants:
        raise Unanswerable("unknown_client")
    redirect_uri = given.get("redirect_uri", "")
    if not redirects.matches(redirect_uri, client.redirect_uris):
        raise Unanswerable("wrong_redirect_uri")
    state = given.get("state", "")
    fault = _fault(given, client, duplicated)
    if fault is not None:
        raise Refused(redirect_uri, state[:STATE_MAX_CHARS], *fault)
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        scope=scopes.granted(given.get("scope", ""), client.scopes),
        state=state,
        code_challenge=given["code_challenge"],
        nonce=given.get("nonce", ""),
        prompt=frozenset(given.get("prompt", "").split()),
        max_age_s=int(given["max_age"]) if "max_age" in given else None,
        login_hint=given.get("login_hint", "")[:100],
        acr_values=tuple(given.get("acr_values", "").split()),
    )


def _fault(
    given: dict[str, str], client: Client, duplicated: Duplicated | None
) -> tuple[str, str] | None:
    """The OAuth error and its description."""
    if duplicated is not None:
        return "invalid_request", str(duplicated)
    for name, error in _UNSUPPORTED.items():
        if name in given:
            return error, f"{name} is not supported"
    if "response_type" not in given:
        return "invalid_request", "response_type is missing"
    if given["response_type"] != "code":
        return "unsupported_response_type", "only response_type=code is supported"
    if given.get("response_mode", "query") != "query":
        return "invalid_request", "only response_mode=query is supported"
    if "code_challenge" not in given:
        return "invalid_request", "code_challenge is missing (RFC 7636)"
    if given.get("code_challenge_method") != pkce.METHOD:
        return "invalid_request", "code_challenge_method must be S256"
    if not pkce.is_challenge(given["code_challenge"]):
        return "invalid_request", "code_challenge is not the base64url of a SHA-256"
    if not scopes.granted(given.get("scope", ""), client.scopes):
        return "invalid_scope", "no scope that this client may have"
    return _openid_fault(given)


def _openid_fault(given: dict[str, str]) -> tuple[str, str] | None:
    if len(given.get("state", "")) > STATE_MAX_CHARS or len(given.get("nonce", "")) > (
        NONCE_MAX_CHARS
    ):
        return "invalid_request", "state or nonce is too long"
    prompt = set(given.get("prompt", "").split())
    if prompt - PROMPTS or ("none" in prompt and len(prompt) > 1):
        return "invalid_request", "prompt has a value that is not supported"
    age = given.get("max_age", "0")
    if not (age.isascii() and age.isdecimal() and len(age) <= 9):
        return "invalid_request", "max_age must be a number of seconds"
    wanted = given.get("acr_values", "").split()
    if wanted and not set(wanted) & set(ACR_VALUES):
        # RFC 9470, section 5: better told than given less than was asked for.
        return "unmet_authentication_requirements", "acr_values has none that is supported"
    return None
