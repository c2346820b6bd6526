"""What auth counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from shared.metrics import LATENCY_BUCKETS_S, Metrics


class AuthMetrics:
    """auth's own metrics, in the application's registry."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.logins = Counter(
            "agileim_auth_logins_total",
            "Sign-ins by outcome: signed_in, wrong, throttled",
            ("outcome",),
            registry=registry,
        )
        self.signing_key_age = Gauge(
            "agileim_auth_signing_key_age_seconds",
            "Age of the newest signing key",
            registry=registry,
        )
        self.registrations = Counter(
            "agileim_auth_registrations_total", "Accounts created", registry=registry
        )
        self.refusals = Counter(
            "agileim_auth_refusals_total",
            "Requests that were refused, by OAuth error or reason",
            ("reason",),
            registry=registry,
        )
        self.grants = Counter(
            "agileim_auth_grants_total",
            "Token responses by grant type",
            ("grant_type",),
            registry=registry,
        )
        self.revocations = Counter(
            "agileim_auth_revocations_total",
            "Sessions ended before their time, by reason",
            ("reason",),
            registry=registry,
        )
        self.audit_lost = Counter(
            "agileim_auth_audit_lost_total",
            "Security events that found the queue to api full; they are in the log only",
            registry=registry,
        )
        self.mails = Counter(
            "agileim_auth_mails_total",
            "Letters by outcome: sent, failed, dropped (too many waited)",
            ("outcome",),
            registry=registry,
        )
        self.hash_wait = Histogram(
            "agileim_auth_hash_wait_seconds",
            "Time that a password hash waited for a free thread",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
