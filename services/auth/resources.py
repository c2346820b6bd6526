"""What the handlers of auth work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from services.auth.accounts import Accounts
from services.auth.addresses import Addresses
from services.auth.audit import Audit
from services.auth.client_records import ClientRecords
from services.auth.factors import SecondFactors
from services.auth.hashing import PasswordHashes
from services.auth.issuing import Issuer
from services.auth.keyring import KeyRing
from services.auth.mail.post import Post
from services.auth.metrics import AuthMetrics
from services.auth.notices import Notices
from services.auth.outside import Outside
from services.auth.outside_records import OutsideRecords
from services.auth.pages import Pages
from services.auth.records.codes import Codes
from services.auth.records.devices import Devices
from services.auth.records.emails import EmailProofs
from services.auth.records.halfway import HalfwaySignIns
from services.auth.records.journeys import Journeys
from services.auth.records.signins import SignIns
from services.auth.records.throttles import Throttles
from services.auth.registry import Registry
from services.auth.revoking import Revocations
from services.auth.settings import AuthSettings
from shared.revocations import RevokedSessions


@dataclass(frozen=True, kw_only=True)
class Auth:
    """One of each."""

    settings: AuthSettings
    now: Callable[[], float]  # Unix time, s
    metrics: AuthMetrics
    clients: Registry
    client_records: ClientRecords
    keys: KeyRing
    accounts: Accounts
    issuer: Issuer
    hashes: PasswordHashes
    codes: Codes
    devices: Devices
    signins: SignIns
    halfway: HalfwaySignIns
    factors: SecondFactors
    throttles: Throttles
    revocations: Revocations
    revoked: RevokedSessions
    addresses: Addresses
    audit: Audit
    pages: Pages
    post: Post
    notices: Notices
    email_proofs: EmailProofs
    outside: Outside
    outside_records: OutsideRecords
    journeys: Journeys


AUTH: web.AppKey[Auth] = web.AppKey("auth", Auth)
