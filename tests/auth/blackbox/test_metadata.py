"""Metadata and keys (RFC 8414; OpenID Connect Discovery 1.0; RFC 7517)."""

from __future__ import annotations

import pytest

from tests.auth.blackbox.target import Target

ENDPOINTS = (
    "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint",
    "revocation_endpoint", "introspection_endpoint", "device_authorization_endpoint",
    "end_session_endpoint",
)  # fmt: skip


async def test_names_its_issuer_and_endpoints(target: Target) -> None:
    assert all(target.metadata[name].startswith(f"{target.issuer}/") for name in ENDPOINTS)


async def test_says_what_it_can(target: Target) -> None:
    metadata = target.metadata
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["id_token_signing_alg_values_supported"] == ["ES256"]
    assert metadata["subject_types_supported"] == ["public"]
    assert {"authorization_code", "refresh_token"} <= set(metadata["grant_types_supported"])
    assert {"openid", "offline_access"} <= set(metadata["scopes_supported"])


async def test_no_implicit_hybrid_or_password_grant(target: Target) -> None:
    assert not {"implicit", "password"} & set(target.metadata["grant_types_supported"])


async def test_oauth_metadata_is_the_same(target: Target) -> None:
    """RFC 8414, section 3."""
    url = f"{target.issuer}/.well-known/oauth-authorization-server"
    async with target.http.get(url) as response:
        assert response.status == 200
        assert (await response.json())["issuer"] == target.issuer


async def test_publishes_public_keys_only(target: Target) -> None:
    """RFC 7517, sections 4 and 9.2."""
    async with target.http.get(target.metadata["jwks_uri"]) as response:
        assert response.content_type in ("application/json", "application/jwk-set+json")
        keys = (await response.json(content_type=None))["keys"]
    assert keys
    for key in keys:
        assert not {"d", "p", "q", "k"} & set(key)
        assert (key["kty"], key["crv"], key["use"]) == ("EC", "P-256", "sig")
        assert key["kid"]


@pytest.mark.parametrize("endpoint", ["token_endpoint", "revocation_endpoint"])
async def test_forms_are_posted(target: Target, endpoint: str) -> None:
    """RFC 6749, section 3.2; RFC 7009, section 2.1."""
    async with target.http.get(target.metadata[endpoint]) as response:
        assert response.status in (404, 405)
