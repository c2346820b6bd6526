"""Refresh (RFC 6749, section 6; RFC 9700, section 4.14), revocation (RFC 7009) and introspection
(RFC 7662)."""

from __future__ import annotations

import pytest

from tests.auth.blackbox.target import (
    PUBLIC,
    SECRET,
    SECRET_CLIENT,
    SERVICE,
    SERVICE_SECRET,
    Target,
    basic,
    unguessable,
)

INACTIVE = {"active": False}


async def test_each_use_gives_another_token(target: Target) -> None:
    tokens = await target.tokens()
    answer = await target.refresh(tokens["refresh_token"])
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body["refresh_token"] != tokens["refresh_token"]
    assert answer.body["access_token"] != tokens["access_token"]
    assert (await target.person_of(answer.body["access_token"])).status == 200


async def test_used_token_ends_the_whole_family(target: Target) -> None:
    """RFC 9700, section 4.14.2."""
    first = (await target.tokens())["refresh_token"]
    second = (await target.refresh(first)).body["refresh_token"]
    third = (await target.refresh(second)).body["refresh_token"]
    assert (await target.refresh(first)).error == (400, "invalid_grant")
    assert (await target.refresh(third)).error == (400, "invalid_grant")


async def test_token_belongs_to_its_client(target: Target) -> None:
    """RFC 6749, section 10.4."""
    token = (await target.tokens())["refresh_token"]
    other = {"client_id": SECRET_CLIENT, "client_secret": SECRET}
    assert (await target.refresh(token, **other)).error == (400, "invalid_grant")
    assert (await target.refresh(token)).status == 200


async def test_scope_may_be_narrower_never_wider(target: Target) -> None:
    """RFC 6749, section 6."""
    token = (await target.tokens(scope="openid offline_access"))["refresh_token"]
    answer = await target.refresh(token, scope="openid")
    assert (answer.status, answer.body["scope"]) == (200, "openid")
    wider = await target.refresh(answer.body["refresh_token"], scope="openid profile")
    assert wider.status == 400 or "profile" not in wider.body["scope"].split()


async def test_unknown_token_is_refused(target: Target) -> None:
    assert (await target.refresh(unguessable())).error == (400, "invalid_grant")


async def test_revoked_token_refreshes_nothing(target: Target) -> None:
    """RFC 7009, section 2.1."""
    token = (await target.tokens())["refresh_token"]
    answer = await target.post("revocation_endpoint", {"token": token, "client_id": PUBLIC})
    assert answer.status == 200
    assert (await target.refresh(token)).error == (400, "invalid_grant")


@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "nonsense"])
async def test_hint_is_no_more_than_a_hint(target: Target, hint: str) -> None:
    """RFC 7009, section 2.1."""
    token = (await target.tokens())["refresh_token"]
    form = {"token": token, "client_id": PUBLIC, "token_type_hint": hint}
    answer = await target.post("revocation_endpoint", form)
    assert answer.status == 200
    assert (await target.refresh(token)).error == (400, "invalid_grant")


async def test_revoking_what_nobody_knows_is_no_fault(target: Target) -> None:
    """RFC 7009, section 2.2."""
    form = {"token": unguessable(), "client_id": PUBLIC}
    assert (await target.post("revocation_endpoint", form)).status == 200


async def test_revocation_names_a_token(target: Target) -> None:
    """RFC 7009, section 2.2.1."""
    answer = await target.post("revocation_endpoint", {"client_id": PUBLIC})
    assert answer.error == (400, "invalid_request")


async def test_client_revokes_its_own_tokens_only(target: Target) -> None:
    """RFC 7009, section 2.1."""
    token = (await target.tokens())["refresh_token"]
    form = {"token": token, "client_id": SECRET_CLIENT, "client_secret": SECRET}
    await target.post("revocation_endpoint", form)
    assert (await target.refresh(token)).status == 200


async def _introspect(target: Target, token: str) -> object:
    headers = basic(SERVICE, SERVICE_SECRET)
    answer = await target.post("introspection_endpoint", {"token": token}, headers=headers)
    assert answer.status == 200
    return answer.body


async def test_introspection_tells_what_a_token_is_worth(target: Target) -> None:
    """RFC 7662, section 2.2."""
    tokens = await target.tokens()
    person = await target.person_of(tokens["access_token"])
    told = await _introspect(target, tokens["access_token"])
    assert isinstance(told, dict)
    assert told["active"] is True
    assert (told["sub"], told["client_id"]) == (person.body["sub"], PUBLIC)
    assert set(told["scope"].split()) == {"openid", "profile", "offline_access"}
    assert told["exp"] > told["iat"]


async def test_introspection_says_nothing_about_other_texts(target: Target) -> None:
    """RFC 7662, section 2.2: exactly that it is not active."""
    assert await _introspect(target, unguessable()) == INACTIVE
    tokens = await target.tokens()
    await target.post(
        "revocation_endpoint", {"token": tokens["refresh_token"], "client_id": PUBLIC}
    )
    assert await _introspect(target, tokens["refresh_token"]) == INACTIVE


@pytest.mark.parametrize("secret", ["wrong", ""])
async def test_introspection_is_for_authenticated_callers(target: Target, secret: str) -> None:
    """RFC 7662, section 2.1."""
    form = {"token": unguessable(), "client_id": SERVICE}
    if secret:
        form["client_secret"] = secret
    answer = await target.post("introspection_endpoint", form)
    assert answer.status in (400, 401)
    assert "active" not in answer.body
