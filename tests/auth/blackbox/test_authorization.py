"""The authorization endpoint (RFC 6749, sections 3.1 and 4.1; RFC 9207; OpenID Connect Core)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from tests.auth.blackbox.target import PUBLIC_URI, SECRET_CLIENT, Target
from tests.support.signin import Away, Page

UNREGISTERED = [
    "https://evil.example/callback",
    "http://127.0.0.1:49152/Callback",
    "http://127.0.0.1:49152/callback/",
    "http://127.0.0.1:49152/callback/../callback",
    "http://127.0.0.1:49152/%63allback",
    "http://127.0.0.1:49152/callback?x=1",
    "http://127.0.0.1:49152/callback#x",
    "http://user@127.0.0.1:49152/callback",
    "http://127.0.0.1.evil.example/callback",
    "http://localhost:49152/callback",
    "https://127.0.0.1:49152/callback",
    "//127.0.0.1:49152/callback",
    "javascript:alert(1)",
]


async def test_nobody_is_sent_to_another_redirect_uri(target: Target) -> None:
    """Section 3.1.2.4; RFC 9700, section 2.1."""
    async with target.tab() as tab:
        for uri in UNREGISTERED:
            answer = await tab.open(target.url(target.request(), redirect_uri=uri))
            assert isinstance(answer, Page), uri
            assert answer.status == 400, uri


async def test_unknown_client_is_told_to_the_person(target: Target) -> None:
    """Section 4.1.2.1."""
    async with target.tab() as tab:
        for client in ("nobody", ""):
            answer = await tab.open(target.url(target.request(), client_id=client))
            assert isinstance(answer, Page)
            assert answer.status == 400


async def test_redirect_uri_of_another_client_is_refused(target: Target) -> None:
    async with target.tab() as tab:
        answer = await tab.open(target.url(target.request(SECRET_CLIENT), redirect_uri=PUBLIC_URI))
    assert isinstance(answer, Page)
    assert answer.status == 400


async def test_loopback_port_is_free(target: Target) -> None:
    """RFC 8252, section 7.3."""
    for port in ("1", "49153", "65535"):
        uri = f"http://127.0.0.1:{port}/callback"
        async with target.tab() as tab:
            answer = await target.go(tab, target.url(target.request(), redirect_uri=uri))
        assert isinstance(answer, Away)
        assert answer.location.startswith(f"{uri}?code=")


FAULTS: list[tuple[dict[str, str], set[str]]] = [
    ({"response_type": ""}, {"invalid_request"}),
    ({"response_type": "token"}, {"unsupported_response_type", "unauthorized_client"}),
    ({"response_type": "id_token"}, {"unsupported_response_type", "unauthorized_client"}),
    ({"response_type": "code id_token"}, {"unsupported_response_type", "unauthorized_client"}),
    ({"response_type": "nonsense"}, {"unsupported_response_type", "unauthorized_client"}),
    ({"code_challenge": "", "code_challenge_method": ""}, {"invalid_request"}),
    ({"code_challenge_method": "plain"}, {"invalid_request"}),
    ({"code_challenge_method": ""}, {"invalid_request"}),
    ({"code_challenge": "short"}, {"invalid_request"}),
    ({"code_challenge": "+" * 43}, {"invalid_request"}),
    ({"response_mode": "nonsense"}, {"invalid_request", "unsupported_response_mode"}),
    ({"prompt": "none login"}, {"invalid_request"}),
    ({"prompt": "nonsense"}, {"invalid_request"}),
    ({"prompt": "none"}, {"login_required"}),
    ({"max_age": "x"}, {"invalid_request"}),
    ({"max_age": "-1"}, {"invalid_request"}),
    ({"request": "x"}, {"request_not_supported"}),
    ({"request_uri": "https://evil.example/x"}, {"request_uri_not_supported"}),
]


async def test_client_is_told_what_is_wrong(target: Target) -> None:
    """Section 4.1.2.1; RFC 7636, section 4.4.1; RFC 9207, section 2."""
    request = target.request()
    async with target.tab() as tab:
        for changes, errors in FAULTS:
            answer = await tab.open(target.url(request, **changes))
            assert isinstance(answer, Away), changes
            # oidc-provider puts what is for the implicit and hybrid flows into the fragment.
            parts = urlsplit(answer.location)
            told = dict(parse_qsl(parts.query or parts.fragment))
            assert answer.location.startswith(PUBLIC_URI), changes
            assert told["error"] in errors, changes
            assert (told["state"], told["iss"]) == (request.state, target.issuer), changes
            assert "code" not in told


async def test_duplicated_parameters_are_refused(target: Target) -> None:
    """Section 3.1."""
    request = target.request()
    async with target.tab() as tab:
        for name in ("scope", "state", "code_challenge", "response_type"):
            answer = await tab.open(f"{target.url(request)}&{name}={request.parameters[name]}")
            if isinstance(answer, Away):
                assert answer.parameters["error"] == "invalid_request", name
            else:
                assert answer.status == 400, name


async def test_answer_has_a_code_the_state_and_the_issuer(target: Target) -> None:
    """Section 4.1.2; RFC 9207, section 2."""
    request = target.request()
    async with target.tab() as tab:
        answer = await target.go(tab, target.url(request))
    assert isinstance(answer, Away)
    assert "#" not in answer.location
    told = answer.parameters
    assert (told["state"], told["iss"]) == (request.state, target.issuer)
    assert len(told["code"]) >= 32


async def test_without_state_none_comes_back(target: Target) -> None:
    async with target.tab() as tab:
        answer = await target.go(tab, target.url(target.request(), state=""))
    assert isinstance(answer, Away)
    assert "code" in answer.parameters
    assert "state" not in answer.parameters


async def test_request_may_be_posted(target: Target) -> None:
    """OpenID Connect Core, section 3.1.2.1."""
    request = target.request()
    async with target.tab() as tab:
        url = target.metadata["authorization_endpoint"]
        async with tab.http.post(
            url, data={**request.parameters, "prompt": "consent"}, allow_redirects=False
        ) as response:
            assert response.status in (302, 303)
            next_url = response.headers["Location"]
        answer = await target.go(tab, next_url)
    assert request.code(answer)


async def test_person_may_say_no(target: Target) -> None:
    """Section 4.1.2.1."""
    request = target.request()
    async with target.tab() as tab:
        # Signed in, so that the question is about the application only.
        await target.go(tab, target.url(target.request()))
        answer = await target.go(tab, target.url(request), allow=False)
    assert isinstance(answer, Away)
    assert answer.parameters["error"] == "access_denied"
    assert answer.parameters["state"] == request.state


async def test_signed_in_person_is_not_asked_for_the_password_again_unless_wanted(
    target: Target,
) -> None:
    """OpenID Connect Core, section 3.1.2.1."""
    async with target.tab() as tab:
        await target.go(tab, target.url(target.request()))
        asked = await tab.open(target.url(target.request()))
        assert isinstance(asked, Page)
        assert "password" not in asked.forms[0].fields
        asked = await tab.open(target.url(target.request(), prompt="login"))
        assert isinstance(asked, Page)
        assert "password" in asked.forms[0].fields
