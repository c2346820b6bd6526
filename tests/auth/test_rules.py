"""The rules of auth, without servers."""

from __future__ import annotations

import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain import (
    continuation,
    device,
    display_names,
    passwords,
    pkce,
    redirects,
    scopes,
    sealing,
    throttling,
)
from services.auth.domain.codes import CodeGrant, redeem
from services.auth.domain.parameters import Duplicated, single_valued
from services.auth.domain.throttling import Level, Policy
from services.auth.texts import LANGUAGES, texts_of
from shared.handles import is_handle, normal_form

NATIVE = ("http://127.0.0.1/callback", "http://[::1]/callback")
WEB = ("https://chat.example/", "https://chat.example/callback", "org.example.app:/back")
LOCAL_WEB = ("http://127.0.0.1:8080/callback",)


@pytest.mark.parametrize(
    ("given", "registered", "accepted"),
    [
        ("http://127.0.0.1:1/callback", NATIVE, True),
        ("http://127.0.0.1:65535/callback", NATIVE, True),
        ("http://127.0.0.1/callback", NATIVE, True),
        ("http://[::1]:5000/callback", NATIVE, True),
        ("http://127.0.0.1:0/callback", NATIVE, False),
        ("http://127.0.0.1:65536/callback", NATIVE, False),
        ("http://127.0.0.1:/callback", NATIVE, False),
        ("http://127.0.0.1:5000/callback/", NATIVE, False),
        ("http://127.0.0.1:5000/callback?x=1", NATIVE, False),
        ("http://127.0.0.1:5000/callback#x", NATIVE, False),
        ("http://127.0.0.1:5000/", NATIVE, False),
        ("http://127.0.0.1:5000", NATIVE, False),
        ("https://127.0.0.1:5000/callback", NATIVE, False),
        ("HTTP://127.0.0.1:5000/callback", NATIVE, False),
        ("http://localhost:5000/callback", NATIVE, False),
        ("http://127.0.0.2:5000/callback", NATIVE, False),
        ("http://127.1:5000/callback", NATIVE, False),
        ("http://0x7f000001:5000/callback", NATIVE, False),
        ("http://127.0.0.1.evil.example:5000/callback", NATIVE, False),
        ("http://127.0.0.1:5000@evil.example/callback", NATIVE, False),
        ("http://user@127.0.0.1:5000/callback", NATIVE, False),
        ("http://127.0.0.1:5000\\@evil.example/callback", NATIVE, False),
        ("http://[::1]:5000/../callback", NATIVE, False),
        ("http://[::ffff:127.0.0.1]:5000/callback", NATIVE, False),
        ("https://chat.example/callback", WEB, True),
        ("https://chat.example/", WEB, True),
        ("https://chat.example", WEB, False),
        ("https://chat.example:443/callback", WEB, False),
        ("https://chat.example/callback?next=1", WEB, False),
        ("https://chat.example/Callback", WEB, False),
        ("https://CHAT.example/callback", WEB, False),
        ("https://chat.example/callback%2f", WEB, False),
        ("https://chat.example.evil.example/callback", WEB, False),
        ("http://chat.example/callback", WEB, False),
        ("org.example.app:/back", WEB, True),
        ("org.example.app://back", WEB, False),
        ("http://127.0.0.1:8080/callback", LOCAL_WEB, True),
        ("http://127.0.0.1:8081/callback", LOCAL_WEB, False),
        ("http://127.0.0.1/callback", LOCAL_WEB, False),
        ("", NATIVE, False),
        ("javascript:alert(1)", NATIVE, False),
        ("http://127.0.0.1:5000/callback\n", NATIVE, False),
        ("http://127.0.0.1:5000/callback\u00e9", NATIVE, False),
    ],
)
def test_redirect_uris(given: str, registered: tuple[str, ...], accepted: bool) -> None:
    assert redirects.matches(given, registered) is accepted


@pytest.mark.parametrize(
    ("uri", "accepted"),
    [
        ("https://partner.example/back", True),
        ("http://127.0.0.1/back", True),
        ("org.example.app:/back", True),
        ("http://partner.example/back", False),
        ("http://localhost/back", False),
        ("https://user@partner.example/back", False),
        ("https://partner.example/back#x", False),
        ("https:///back", False),
        ("javascript:alert(1)", False),
        ("app:/back", False),
        ("https://[::1", False),
    ],
)
def test_redirect_uris_that_may_be_registered(uri: str, accepted: bool) -> None:
    assert (redirects.registration_fault(uri) == "") is accepted


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("http://127.0.0.1:5000/callback", "http://127.0.0.1:5000"),
        ("http://[::1]:5000/callback", "http:"),
        ("https://chat.example/callback?x", "https://chat.example"),
        ("org.example.app:/back", "org.example.app:"),
    ],
)
def test_form_action_allows_just_the_redirect(uri: str, source: str) -> None:
    assert redirects.form_action_source(uri) == source


def test_parameters_join_an_existing_query() -> None:
    uri = redirects.with_parameters("https://a.example/?x=1", {"code": "a b", "state": ""})
    assert uri == "https://a.example/?x=1&code=a+b"


def test_pkce_as_in_the_rfc() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert pkce.challenge_of(verifier) == challenge
    assert pkce.proves(verifier, challenge)
    assert not pkce.proves(verifier[:-1] + "l", challenge)
    assert not pkce.proves(challenge, challenge)


@given(st.text(max_size=200))
def test_only_texts_of_the_right_form_are_verifiers(text: str) -> None:
    allowed = set(string.ascii_letters + string.digits + "-._~")
    assert pkce.is_verifier(text) == (43 <= len(text) <= 128 and set(text) <= allowed)


def test_parameters_without_value_count_as_omitted() -> None:
    assert single_valued([("a", ""), ("b", "1")]) == {"b": "1"}
    with pytest.raises(Duplicated) as caught:
        single_valued([("a", ""), ("a", "1"), ("b", "2")])
    assert caught.value.rest == {"b": "2"}


def test_scopes_are_what_was_asked_and_is_allowed() -> None:
    assert scopes.granted("chat openid admin", scopes.SUPPORTED) == "openid chat"
    assert scopes.granted("chat openid", ["chat"]) == "chat"
    assert scopes.includes("openid chat", "chat")
    assert not scopes.includes("chat", "openid chat")


@pytest.mark.parametrize(
    ("password", "handle", "fault"),
    [
        ("correct staple battery", "ada", ""),
        ("1234567", "ada", "password_short"),
        ("密码密码密码密", "ada", "password_short"),
        ("我家的猫喜欢晒太阳", "ada", ""),
        ("x7" * 512, "ada", "password_common"),
        ("a1b2" * 256, "ada", ""),
        ("a1b2" * 256 + "c", "ada", "password_long"),
        ("\ud800lonely surrogate", "ada", "password_long"),
        ("PassWord123", "ada", "password_common"),
        ("aaaaaaaaaaaa", "ada", "password_common"),
        ("my-ADA-lovelace", "ada", "password_has_handle"),
        ("limestone cowboy", "li", ""),
    ],
)
def test_password_policy(password: str, handle: str, fault: str) -> None:
    assert passwords.fault(passwords.prepared(password), handle) == fault


def test_normal_form_of_passwords_keeps_different_ones_apart() -> None:
    assert passwords.prepared("e\u0301") == passwords.prepared("\u00e9")
    assert passwords.prepared("①") != passwords.prepared("1"), "NFKC would make them equal"


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        (" @Ada ", "ada"),
        ("ＡＤＡ", "ada"),
        ("Straße", "straße"),
        ("李雷", "李雷"),
        ("a.b_c-d", "a.b_c-d"),
        ("a", None),
        ("x" * 33, None),
        ("-ada", None),
        ("ada lovelace", None),
        ("ada\u200b", None),
        ("аda/", None),
        ("", None),
    ],
)
def test_handles(text: str, handle: str | None) -> None:
    normal = normal_form(text)
    assert is_handle(normal) is (handle is not None)
    if handle is not None:
        assert normal == handle


@given(st.text(max_size=40))
def test_normal_form_is_stable(text: str) -> None:
    normal = normal_form(text)
    assert not is_handle(normal) or normal_form(normal) == normal


def test_display_names() -> None:
    assert display_names.prepared("  Ada \n Lovelace ") == "Ada Lovelace"
    for good in ("Ada", "李雷", "👩\u200d🚀", "Ó'Neill"):
        assert display_names.is_display_name(good)
    for bad in ("", "x" * 101, "a\u202eb", "a\x00b", "a\u200bb", "\ud800"):
        assert not display_names.is_display_name(bad)


def test_user_codes() -> None:
    code = device.new_user_code()
    assert len(code) == 8
    assert device.typed(device.shown(code)) == code
    assert device.typed("wdjb mjht") == "WDJBMJHT"
    for bad in ("", "WDJB-MJH", "WDJB-MJHTX", "AEIO-UAEI", "WDJB-MJH\u212a"):
        assert device.typed(bad) == ""


def test_code_is_redeemed_once_in_its_time() -> None:
    grant = CodeGrant("c", "u", "x", "user", "session", "chat", "", 0, expires_ms=1000)
    spent, outcome = redeem(grant, 999)
    assert (spent.state, outcome) == ("spent", "redeemed")
    burned, outcome = redeem(spent, 999)
    assert (burned.state, outcome) == ("burned", "replayed")
    assert redeem(grant, 1000)[1] == "expired"


POLICY = Policy(burst=3, recover_ms=1000, base_ms=100, cap_ms=400)


def test_throttle_waits_longer_with_every_try_above_the_burst() -> None:
    level, now, waits = Level(), 0, []
    for _ in range(7):
        level, refused = throttling.charge(level, POLICY, now)
        assert refused == 0
        waits.append(max(0, level.blocked_until_ms - now))
        now = max(now, level.blocked_until_ms)
    assert waits == [0, 0, 0, 100, 200, 400, 400]


def test_refused_try_is_not_charged() -> None:
    level = Level(value=5, at_ms=0, blocked_until_ms=100)
    assert throttling.charge(level, POLICY, 40) == (level, 60)


def test_level_sinks_with_time_and_success_gives_back() -> None:
    level, _ = throttling.charge(Level(value=3, at_ms=0), POLICY, 2000)
    assert level.value == pytest.approx(2)
    assert throttling.refund(level, POLICY, 2000).value == pytest.approx(1)


@given(st.lists(st.integers(0, 5000), max_size=60))
def test_throttle_never_lets_more_through_than_burst_and_recovery(gaps: list[int]) -> None:
    level, now, made = Level(), 0, 0
    for gap in gaps:
        now += gap
        level, refused = throttling.charge(level, POLICY, now)
        made += not refused
    # After the burst, a try takes at least the shortest wait or the time of its recovery.
    assert made <= POLICY.burst + 1 + now / POLICY.base_ms


def test_continuation_leads_to_our_pages_only() -> None:
    for good in ("/connect/authorize?a=b", "/connect/device", "/connect/device?user_code=X"):
        assert continuation.safe(good) == good
    for bad in ("//evil", "https://evil", "/connect/authorizeX", "/connect/device/../x", "/x", ""):
        assert continuation.safe(bad) == "/"


def test_demand_to_sign_in_is_answered_once() -> None:
    path = "/connect/authorize?a=1&prompt=login+consent&b=%20"
    assert continuation.after_sign_in(path) == "/connect/authorize?a=1&prompt=consent&b=+"
    assert continuation.after_sign_in("/connect/device?x") == "/connect/device?x"
    assert continuation.digest("/connect/authorize?a=%20") == continuation.digest(
        "/connect/authorize?a=+"
    )


def test_languages_have_the_same_texts_with_the_same_places() -> None:
    english, *others = (texts_of(language).texts for language in LANGUAGES.values())
    for other in others:
        assert other.keys() == english.keys()
        for key, text in english.items():
            places = {part.partition("}")[0] for part in text.split("{")[1:]}
            assert all(f"{{{place}}}" in other[key] for place in places), key


def test_successor_is_read_with_the_token_that_sealed_it_and_no_other() -> None:
    token, other, successor = (secrets.token_urlsafe(sealing.TOKEN_BYTES) for _ in range(3))
    sealed = sealing.seal(successor, token)
    assert sealing.unseal(sealed, token) == successor
    assert sealing.unseal(sealed, other) != successor
    assert successor not in sealed
