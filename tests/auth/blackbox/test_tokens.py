"""The token endpoint (RFC 6749, sections 3.2, 4.1.3, 4.4 and 5; RFC 7636; OpenID Connect Core)."""

from __future__ import annotations

import time

import pytest

from tests.auth.blackbox.target import (
    PUBLIC,
    SECRET,
    SECRET_CLIENT,
    SERVICE,
    SERVICE_SCOPE,
    SERVICE_SECRET,
    Target,
    basic,
    unguessable,
)

CREDENTIALS = {"grant_type": "client_credentials"}


async def test_code_gives_tokens_that_no_cache_keeps(target: Target) -> None:
    """Section 5.1."""
    request = target.request()
    answer = await target.token(**request.grant(await target.code(request)))
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body["token_type"].lower() == "bearer"
    assert 0 < answer.body["expires_in"] <= 300
    assert set(answer.body["scope"].split()) == {"openid", "profile", "offline_access"}
    assert {"access_token", "refresh_token", "id_token"} <= set(answer.body)


async def test_id_token_is_for_this_client_and_this_request(target: Target) -> None:
    """OpenID Connect Core, sections 2 and 3.1.3.7."""
    request = target.request()
    answer = await target.token(**request.grant(await target.code(request)))
    claims = await target.verified(answer.body["id_token"], PUBLIC)
    assert claims["nonce"] == request.nonce
    assert claims["aud"] in (PUBLIC, [PUBLIC])
    assert abs(claims["iat"] - time.time()) < 60
    assert claims["exp"] > claims["iat"]
    person = await target.person_of(answer.body["access_token"])
    assert person.body["sub"] == claims["sub"]


async def test_without_openid_there_is_no_id_token(target: Target) -> None:
    tokens = await target.tokens(scope="profile")
    assert "id_token" not in tokens


async def test_without_offline_access_there_is_no_refresh_token(target: Target) -> None:
    """OpenID Connect Core, section 11."""
    tokens = await target.tokens(scope="openid profile")
    assert "refresh_token" not in tokens


async def test_code_works_once_and_a_replay_ends_what_came_of_it(target: Target) -> None:
    """Section 4.1.2."""
    request = target.request()
    form = request.grant(await target.code(request))
    tokens = (await target.token(**form)).body
    assert (await target.token(**form)).error == (400, "invalid_grant")
    assert (await target.refresh(tokens["refresh_token"])).error == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "x" * 43},
        {"redirect_uri": "http://127.0.0.1:1/callback"},
        {"client_id": SECRET_CLIENT, "client_secret": SECRET},
        {"code": "x" * 43},
    ],
)
async def test_code_is_worth_nothing_without_the_rest_of_its_request(
    target: Target, changes: dict[str, str]
) -> None:
    """Section 4.1.3; RFC 7636, section 4.6."""
    request = target.request()
    form = request.grant(await target.code(request))
    assert (await target.token(**{**form, **changes})).error == (400, "invalid_grant")


async def test_verifier_must_be_there(target: Target) -> None:
    """RFC 7636, section 4.5. Whether the request or the grant is at fault, servers differ."""
    request = target.request()
    form = request.grant(await target.code(request))
    del form["code_verifier"]
    answer = await target.token(**form)
    assert answer.status == 400
    assert answer.body["error"] in ("invalid_grant", "invalid_request")


async def test_verifier_must_have_the_form_of_one(target: Target) -> None:
    """RFC 7636, section 4.1."""
    for verifier in ("short", "x" * 129, "!" * 43, "ü" * 43):
        request = target.request()
        form = request.grant(await target.code(request), code_verifier=verifier)
        answer = await target.token(**form)
        assert answer.status == 400
        assert answer.body["error"] in ("invalid_grant", "invalid_request")


FAULTS: list[tuple[dict[str, str], set[str]]] = [
    ({}, {"invalid_request"}),
    ({"grant_type": "nonsense"}, {"unsupported_grant_type"}),
    ({"grant_type": "password", "username": "ada", "password": "x"}, {"unsupported_grant_type"}),
    ({"grant_type": "authorization_code"}, {"invalid_request"}),
    ({"grant_type": "refresh_token"}, {"invalid_request"}),
    (CREDENTIALS, {"unauthorized_client", "invalid_request"}),  # the latter is oidc-provider's
]


async def test_faults_have_names(target: Target) -> None:
    """Section 5.2."""
    for form, errors in FAULTS:
        answer = await target.token(client_id=PUBLIC, **form)
        assert answer.status == 400, form
        assert answer.body["error"] in errors, form
        assert answer.headers["Cache-Control"] == "no-store"


async def test_duplicated_parameters_are_refused(target: Target) -> None:
    """Section 3.2."""
    form = [
        ("grant_type", "refresh_token"), ("refresh_token", unguessable()), ("client_id", PUBLIC),
        ("refresh_token", unguessable()),
    ]  # fmt: skip
    answer = await target.post("token_endpoint", form)
    assert answer.error == (400, "invalid_request")


async def test_parameters_of_the_url_do_not_count(target: Target) -> None:
    """Section 2.3.1."""
    url = f"{target.metadata['token_endpoint']}?client_id={SERVICE}&client_secret={SERVICE_SECRET}"
    async with target.http.post(url, data=CREDENTIALS) as response:
        assert response.status in (400, 401)


async def test_json_is_no_form(target: Target) -> None:
    """Section 4.1.3."""
    url = target.metadata["token_endpoint"]
    async with target.http.post(url, json={**CREDENTIALS, "client_id": SERVICE}) as response:
        assert response.status == 400
        assert (await response.json())["error"] == "invalid_request"


async def test_service_gets_a_token_of_its_own(target: Target) -> None:
    """Section 4.4.3: no refresh token."""
    headers = basic(SERVICE, SERVICE_SECRET)
    form = {**CREDENTIALS, "scope": SERVICE_SCOPE}
    answer = await target.post("token_endpoint", form, headers=headers)
    assert (answer.status, answer.body["scope"]) == (200, SERVICE_SCOPE)
    assert not {"refresh_token", "id_token"} & set(answer.body)


async def test_service_gets_no_scope_beyond_its_own(target: Target) -> None:
    """Section 3.3."""
    headers = basic(SERVICE, SERVICE_SECRET)
    form = {**CREDENTIALS, "scope": "internal.auth"}
    answer = await target.post("token_endpoint", form, headers=headers)
    assert answer.error == (400, "invalid_scope")


async def test_wrong_credentials_are_refused(target: Target) -> None:
    """Section 5.2: with 401 and a challenge where the header was used. An empty name or secret may
    also be taken for a malformed header."""
    wrong = [(SERVICE, "wrong"), (SERVICE, ""), ("nobody", SERVICE_SECRET), ("", "")]
    for name, secret in wrong:
        headers = basic(name, secret)
        answer = await target.post("token_endpoint", CREDENTIALS, headers=headers)
        if name and secret:
            assert answer.error == (401, "invalid_client")
            assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert answer.status in (400, 401)
        assert "access_token" not in answer.body


async def test_two_ways_of_authentication_are_one_too_many(target: Target) -> None:
    """Section 2.3."""
    headers = basic(SERVICE, SERVICE_SECRET)
    form = {**CREDENTIALS, "client_id": SERVICE, "client_secret": SERVICE_SECRET}
    answer = await target.post("token_endpoint", form, headers=headers)
    assert answer.error == (400, "invalid_request")


async def test_confidential_client_needs_its_secret(target: Target) -> None:
    """Section 3.2.1."""
    request = target.request(SECRET_CLIENT, "openid")
    form = request.grant(await target.code(request))
    answer = await target.token(**form)
    assert answer.status in (400, 401)
    assert answer.body["error"] in ("invalid_client", "invalid_request")
    answer = await target.token(**{**form, "client_secret": "wrong"})
    assert answer.error == (401, "invalid_client")
    assert (await target.token(**form, client_secret=SECRET)).status == 200


async def test_userinfo_refuses_what_is_not_an_access_token(target: Target) -> None:
    """RFC 6750, section 3.1."""
    tokens = await target.tokens()
    for token in (unguessable(), tokens["id_token"], tokens["refresh_token"]):
        answer = await target.person_of(token)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_userinfo_tells_by_scope(target: Target) -> None:
    """OpenID Connect Core, sections 5.3 and 5.4."""
    tokens = await target.tokens(scope="openid")
    answer = await target.person_of(tokens["access_token"])
    assert (answer.status, set(answer.body)) == (200, {"sub"})
    tokens = await target.tokens(scope="openid profile")
    assert "name" in (await target.person_of(tokens["access_token"])).body
    tokens = await target.tokens(scope="profile")
    answer = await target.person_of(tokens["access_token"])
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
