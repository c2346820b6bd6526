from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.settings import HostPort, Secret, ServiceSettings, SettingsError, load

GOOD = {
    "AGILEIM_LISTEN": "127.0.0.1:8001",
    "AGILEIM_INSTANCE": "gateway-1",
    "AGILEIM_REDIS_URL": "redis://:hunter2@localhost:6379/0",
    "AGILEIM_ISSUER": "https://chat.example.org",
    "AGILEIM_API_URLS": "http://a:1, http://b:2",
}


@dataclass(frozen=True, kw_only=True)
class Sample(ServiceSettings):
    api_urls: tuple[str, ...]
    rate: float = 1.5
    secure: bool = True
    secret: Secret | None = None


def test_values_are_typed_and_defaults_kept() -> None:
    settings = load(Sample, GOOD | {"AGILEIM_RATE": "2", "AGILEIM_SECURE": "no"})
    assert settings.listen == HostPort("127.0.0.1", 8001)
    assert settings.api_urls == ("http://a:1", "http://b:2")
    assert (settings.rate, settings.secure, settings.partitions) == (2.0, False, 32)


def test_every_fault_is_listed_at_once() -> None:
    wrong = {
        "AGILEIM_LISTEN": "nowhere",
        "AGILEIM_INSTANCE": "gateway-1",
        "AGILEIM_ISSUER": "https://chat.example.org",
        "AGILEIM_RATE": "fast",
        "AGILEIM_LOG_LEVEL": "loud",
        "AGILEIM_SECRET_FILE": "/does/not/exist",
    }
    with pytest.raises(SettingsError) as caught:
        load(Sample, wrong)
    assert sorted(fault.split()[0] for fault in caught.value.faults) == [
        "AGILEIM_API_URLS",
        "AGILEIM_LISTEN",
        "AGILEIM_LOG_LEVEL",
        "AGILEIM_RATE",
        "AGILEIM_REDIS_URL",
        "AGILEIM_SECRET_FILE",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGILEIM_ISSUER", "chat.example.org"),
        ("AGILEIM_ISSUER", "https://chat.example.org/"),
        ("AGILEIM_PARTITIONS", "0"),
        ("AGILEIM_INSTANCE", "a name"),
        ("AGILEIM_LISTEN", "host:99999"),
        ("AGILEIM_SECURE", "maybe"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load(Sample, GOOD | {name: value})


def test_a_secret_can_come_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    settings = load(Sample, GOOD | {"AGILEIM_SECRET_FILE": str(file)})
    assert settings.secret == "s3cret"
    assert "s3cret" not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_ipv6_addresses_are_written_in_brackets() -> None:
    assert HostPort.parse("[::1]:80") == HostPort("::1", 80)


def test_an_optional_value_is_typed_when_it_is_set() -> None:
    settings = load(Sample, GOOD | {"AGILEIM_SECRET": "hunter2"})
    assert isinstance(settings.secret, Secret)
    assert load(Sample, GOOD).secret is None
