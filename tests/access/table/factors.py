"""What auth asks api about second factors."""

from __future__ import annotations

from shared.internal import SCOPE_AUTH
from tests.access.answers import INVALID, NOT_FOUND, service
from tests.access.row import Row

BASE = "/internal/v1"
FACTORS = f"{BASE}/accounts/{{user}}/factors"
AUTHENTICATOR = f"{FACTORS}/authenticator"
PASSKEY = f"{FACTORS}/passkeys/{{passkey}}"
CODES = f"{FACTORS}/recovery-codes"
NONE = {"passkey": "client_id"}  # any text will do

ROWS = [
    Row("GET", FACTORS, service(200), scope=SCOPE_AUTH),
    Row("DELETE", FACTORS, service(204), scope=SCOPE_AUTH),
    Row("PUT", AUTHENTICATOR, service(INVALID), body={}, scope=SCOPE_AUTH),
    Row("DELETE", AUTHENTICATOR, service(204), scope=SCOPE_AUTH),
    Row("POST", f"{AUTHENTICATOR}/use", service(INVALID), body={}, scope=SCOPE_AUTH),
    Row("PUT", PASSKEY, service(INVALID), body={}, fill=NONE, scope=SCOPE_AUTH),
    Row("PATCH", PASSKEY, service(NOT_FOUND), body={"name": "x"}, fill=NONE, scope=SCOPE_AUTH),
    Row("DELETE", PASSKEY, service(204), fill=NONE, scope=SCOPE_AUTH),
    Row("POST", f"{PASSKEY}/use", service(INVALID), body={}, fill=NONE, scope=SCOPE_AUTH),
    Row("PUT", CODES, service(204), body={"hashes": []}, scope=SCOPE_AUTH),
    Row("POST", f"{CODES}/use", service(INVALID), body={}, scope=SCOPE_AUTH),
    Row("GET", f"{BASE}/passkeys/{{passkey}}", service(NOT_FOUND), fill=NONE, scope=SCOPE_AUTH),
    Row("PUT", f"{BASE}/accounts/{{user}}/administrator", service(INVALID), body={},
        scope=SCOPE_AUTH),
]  # fmt: skip
