"""What auth asks api about people's e-mail addresses."""

from __future__ import annotations

from shared.internal import SCOPE_AUTH
from tests.access.answers import INVALID, NOT_FOUND, service
from tests.access.row import Row

BASE = "/internal/v1"
EMAIL = f"{BASE}/accounts/{{user}}/email"

ROWS = [
    Row("PUT", EMAIL, service(INVALID), body={}, scope=SCOPE_AUTH),
    Row("DELETE", EMAIL, service(NOT_FOUND), scope=SCOPE_AUTH),
    Row("POST", f"{BASE}/emails/find", service(NOT_FOUND), body={"key": "a@b"}, scope=SCOPE_AUTH),
]
