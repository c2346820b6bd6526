"""The rules of second factors and of names in passwords, without servers."""

from __future__ import annotations

import stat
from pathlib import Path

import pyotp
import pytest

from services.auth.domain import passwords, recovery, totp
from services.auth.domain.authentication import acr_of, with_code, with_passkey
from services.auth.domain.continuation import safe
from services.auth.domain.factor_policy import FactorPolicy, is_enough
from services.auth.domain.passkeys import Answer, PasskeyRefused
from services.auth.sealing_keys import FIRST, SealingFault, SealingKeys
from shared.factor_records import Factors
from shared.ids import new_id

# RFC 6238, appendix B: the secret is the ASCII text 12345678901234567890; of the eight digits the
# last six.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(at: int, code: str) -> None:
    assert totp.matching_step(RFC_SECRET, code, at, used_step=0) == at // 30


def test_code_counts_one_step_around_and_never_again() -> None:
    secret = totp.new_secret()
    now = 1_700_000_000
    step = now // 30

    def code(steps: int) -> str:
        return pyotp.TOTP(secret).at(now + 30 * steps)

    assert [totp.matching_step(secret, code(n), now, 0) for n in (-2, -1, 0, 1, 2)] == [
        None, step - 1, step, step + 1, None,
    ]  # fmt: skip
    assert totp.matching_step(secret, code(0), now, used_step=step) is None
    assert totp.matching_step(secret, code(1), now, used_step=step) == step + 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("123456", "123456"),
        (" 123 456\n", "123456"),
        ("１２３４５６", "123456"),
        ("١٢٣٤٥٦", "123456"),
        ("12345", ""),
        ("1234567", ""),
        ("12345a", ""),
        ("²²²²²²" * 200, ""),
        ("", ""),
    ],
)
def test_codes_as_people_type_them(text: str, code: str) -> None:
    assert totp.typed(text) == code


def test_secret_is_long_and_its_address_names_product_and_person() -> None:
    secret = totp.new_secret()
    assert len(secret) == 32, "160 bits, RFC 4226, R6"
    uri = totp.uri(secret, "zoë")
    assert uri == f"otpauth://totp/AgileIM:zo%C3%AB?secret={secret}&issuer=AgileIM"
    assert totp.picture(uri).startswith("<svg")
    assert "style=" not in totp.picture(uri), "the policy allows no inline style"


def test_recovery_codes_are_found_however_they_are_typed() -> None:
    user = new_id()
    codes = recovery.new_codes()
    assert len(set(codes)) == recovery.COUNT
    for code in codes:
        kept = recovery.code_hash(user, code)
        for typed in (code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')} "):
            assert recovery.code_hash(user, typed) == kept
        assert recovery.code_hash(new_id(), code) != kept
    assert recovery.typed("ABCD-EFGH-JKLM-NPQ1") == "", "no digit that looks like a letter"
    assert recovery.typed("x" * 1000) == ""


def _factors(*, administrator: bool) -> Factors:
    return Factors(None, [], 0, administrator)


@pytest.mark.parametrize(
    ("policy", "administrator", "enough"),
    [
        ("optional", False, True),
        ("optional", True, True),
        ("administrators", False, True),
        ("administrators", True, False),
        ("everybody", False, False),
        ("everybody", True, False),
    ],
)
def test_of_whom_a_factor_is_demanded(policy: str, administrator: bool, enough: bool) -> None:
    factors = _factors(administrator=administrator)
    assert is_enough(FactorPolicy(policy), factors) == enough


def test_classes_of_authentication() -> None:
    assert acr_of(("pwd",)) == "urn:agileim:acr:1"
    assert acr_of(with_code(("pwd",))) == "urn:agileim:acr:2"
    assert acr_of(with_passkey(())) == "urn:agileim:acr:2"


def test_continuation_leads_to_account_pages_that_exist() -> None:
    assert safe("/connect/account/devices") == "/connect/account/devices"
    for path in ("/connect/account/sessions", "/connect/account/../x", "/connect/account?done=x"):
        assert safe(path) == "/"


# --- sealing ------------------------------------------------------------------------------------


def test_what_is_sealed_is_its_owners_only(tmp_path: Path) -> None:
    keys = SealingKeys(tmp_path / "keys")
    keys.open()
    sealed = keys.seal("secret", "ada")
    assert "secret" not in sealed
    assert keys.seal("secret", "ada") != sealed
    assert keys.unseal(sealed, "ada") == "secret"
    flipped = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]
    for wrong, owner in ((sealed, "bob"), (flipped, "ada"), ("nonsense", "ada"), ("", "ada")):
        with pytest.raises(SealingFault):
            keys.unseal(wrong, owner)
    path = tmp_path / "keys" / FIRST
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_replicas_share_the_keys_and_newer_ones_take_over(tmp_path: Path) -> None:
    first, second = SealingKeys(tmp_path), SealingKeys(tmp_path)
    first.open()
    second.open()
    old = first.seal("secret", "ada")
    assert second.unseal(old, "ada") == "secret"
    (tmp_path / "sealing-1.key").write_text("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=\n")
    first.open()
    new = first.seal("secret", "ada")
    assert new.partition(".")[0] != old.partition(".")[0]
    assert second.unseal(new, "ada") == "secret", "it looks for the key that it does not know"
    assert first.unseal(old, "ada") == "secret"


def test_without_a_key_nothing_is_sealed(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_text("too short\n")
    keys = SealingKeys(tmp_path)
    keys.open()
    with pytest.raises(SealingFault):
        keys.seal("secret", "ada")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": "x"}', '{"response": 1}', "\ud800"])
def test_answers_without_form_are_refused(text: str) -> None:
    with pytest.raises(PasskeyRefused):
        Answer(text)


# --- names in passwords -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("my agileim password", "password_has_product"),
        ("AgileIM-2026!", "password_has_product"),
        ("a.g.i.l.e.i.m 2026", "password_has_product"),
        ("ag1l3-1m forever", "password_has_product"),
        ("аgilеіm forever", "password_has_product"),  # Cyrillic
        ("ＡＧＩＬＥＩＭ forever", "password_has_product"),
        ("ägïléîm forever", "password_has_product"),
        ("countess.zoe.of.kent", "password_has_handle"),
        ("Z0E's own password", "password_has_handle"),
        ("i love lovelace", "password_has_name"),
        ("LOVE1ACE rocks", "password_has_name"),
        ("agile images of cats", ""),
        ("correct staple battery", ""),
    ],
)
def test_names_are_found_in_any_disguise(password: str, fault: str) -> None:
    prepared = passwords.prepared(password)
    assert passwords.fault(prepared, "zoë", "Zoë Lovelace") == fault


@pytest.mark.parametrize(
    ("password", "name", "fault"),
    [
        ("我是李明的猫喜欢晒太阳", "李明", "password_has_name"),
        ("我家的猫喜欢晒太阳", "李明", ""),
        ("an ox on an island", "An", ""),
        ("correct staple battery", "...", ""),
        ("correct staple battery", "", ""),
    ],
)
def test_short_names_stand_in_passwords_by_chance(password: str, name: str, fault: str) -> None:
    assert passwords.fault(passwords.prepared(password), "somebody", name) == fault
