"""Settings of auth, each from ``AGILEIM_<NAME>``."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from services.auth.domain.clients import ClientsFault, read_clients, read_service_clients
from services.auth.domain.factor_policy import FactorPolicy
from services.auth.domain.outside import ProvidersFault, read_providers
from services.auth.mail.post import sender
from services.auth.mail.transports import SmtpServer
from shared.settings import PREFIX, Secret, ServiceSettings

NO_SERVER = Secret("")


@dataclass(frozen=True, kw_only=True)
class AuthSettings(ServiceSettings):
    """What auth needs on top of what every service needs."""

    api_urls: tuple[str, ...]  # api's replicas, e.g. http://api:8080
    keys_dir: Path  # signing keys, one PEM file (PKCS #8, P-256) each
    signing_kid: str = ""  # the key to sign with; empty: chosen by age
    service_clients_file: Path | None = None  # JSON, see domain.clients.read_service_clients
    clients_file: Path | None = None  # JSON, see domain.clients.read_clients
    # Peers whose X-Forwarded-For is believed: the reverse proxy, as networks.
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    registration_open: bool = True
    registrations_per_hour: int = 300  # per address, 0: no limit

    access_token_s: int = 300
    refresh_token_s: int = 30 * 86_400  # unused for so long: sign in again
    code_s: int = 60  # RFC 6749, section 4.1.2: at most 10 minutes, short is better
    device_code_s: int = 600
    signin_s: int = 14 * 86_400  # how long the browser stays signed in
    # Of whom more than a password is demanded: optional, administrators, everybody.
    second_factor: str = FactorPolicy.OPTIONAL
    fresh_s: int = 600  # after a sign-in, for so long the person may change what they sign in with

    # JSON, see domain.outside.read_providers: OpenID providers that people may sign in with.
    outside_providers_file: Path | None = None

    # Where mail goes, see mail.transports.SmtpServer; empty: into files in mail_dir.
    smtp_url: Secret = NO_SERVER
    mail_from: str = ""  # AgileIM <no-reply@example.org>
    mail_dir: Path | None = None  # default: `mail` beside keys_dir

    # argon2id, RFC 9106, section 4, second recommendation, but with one lane: the pool of
    # hash_threads is the parallelism, and a hash must not take cores from its neighbours.
    hash_time_cost: int = 3
    hash_memory_kib: int = 64 * 1024
    hash_threads: int = 2
    hash_queue: int = 32  # waiting beyond it: 503; at 0.1 s a hash it is 1.6 s of waiting

    def faults(self) -> list[str]:
        """What is wrong between or within well-formed values, a sentence each."""
        faults = super().faults()
        if (origin := _origin(self.issuer)) != self.issuer:
            # Compared with the Origin that browsers send with our forms.
            faults.append(f"{PREFIX}ISSUER must be written as browsers do: {origin}")
        if not self.api_urls:
            faults.append(f"{PREFIX}API_URLS names no replica of api")
        for network in self.trusted_proxies:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                faults.append(f"{PREFIX}TRUSTED_PROXIES: {network!r} is not a network")
        positive = ("access_token_s", "refresh_token_s", "code_s", "device_code_s", "signin_s",
                    "fresh_s", "hash_time_cost", "hash_threads", "hash_queue")  # fmt: skip
        faults += [
            f"{PREFIX}{name.upper()} must be above 0"
            for name in positive
            if getattr(self, name) <= 0
        ]
        if self.second_factor not in list(FactorPolicy):
            known = ", ".join(FactorPolicy)
            faults.append(f"{PREFIX}SECOND_FACTOR must be one of {known}")
        if self.hash_memory_kib < 8:  # argon2's own minimum for one lane
            faults.append(f"{PREFIX}HASH_MEMORY_KIB must be at least 8")
        if self.access_token_s > 300:
            faults.append(f"{PREFIX}ACCESS_TOKEN_S must be at most 300")
        return faults + self._mail_faults() + self._file_faults()

    def _mail_faults(self) -> list[str]:
        faults = []
        if self.smtp_url:
            try:
                SmtpServer.parse(self.smtp_url)
            except ValueError as error:
                faults.append(f"{PREFIX}SMTP_URL {error}")
            if not self.mail_from:
                faults.append(f"{PREFIX}MAIL_FROM is needed with {PREFIX}SMTP_URL")
        if self.mail_from:
            try:
                sender(self.mail_from)
            except ValueError as error:
                faults.append(f"{PREFIX}MAIL_FROM {error}")
        return faults

    def _file_faults(self) -> list[str]:
        faults = []
        if self.clients_file is not None:
            try:
                read_clients(self.clients_file)
            except ClientsFault as fault:
                faults.append(f"{PREFIX}CLIENTS_FILE: {fault}")
        if self.outside_providers_file is not None:
            try:
                read_providers(self.outside_providers_file)
            except ProvidersFault as fault:
                faults.append(f"{PREFIX}OUTSIDE_PROVIDERS_FILE: {fault}")
        if self.service_clients_file is not None:
            try:
                read_service_clients(self.service_clients_file)
            except ClientsFault as fault:
                faults.append(f"{PREFIX}SERVICE_CLIENTS_FILE: {fault}")
        return faults

    @property
    def letters_from(self) -> str:
        """Who mail is from."""
        return self.mail_from or f"AgileIM <no-reply@{urlsplit(self.issuer).hostname}>"

    @property
    def mail_folder(self) -> Path:
        """Where mail lies when there is no server for it."""
        return self.mail_dir or self.keys_dir.parent / "mail"

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by TLS, so that cookies can insist on it."""
        return self.issuer.startswith("https://")


def _origin(url: str) -> str:
    """The origin of a URL as browsers write it (RFC 6454, section 6.2)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "https://chat.example.org"
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, default) else "")
