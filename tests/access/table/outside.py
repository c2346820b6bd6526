"""What auth asks api about identities at OpenID providers outside."""

from __future__ import annotations

from shared.internal import SCOPE_AUTH
from tests.access.answers import NOT_FOUND, service
from tests.access.row import Row

BASE = "/internal/v1/outside"
WHO = {"issuer": "https://id.example", "subject": "x"}

ROWS = [
    Row("POST", f"{BASE}/find", service(NOT_FOUND), body=WHO, scope=SCOPE_AUTH),
    Row("GET", f"{BASE}/of/{{user}}", service(200), scope=SCOPE_AUTH),
    Row("POST", f"{BASE}/link", service(204), scope=SCOPE_AUTH,
        body={**WHO, "user": "{user}", "label": "x"}),
    Row("POST", f"{BASE}/unlink", service(NOT_FOUND), scope=SCOPE_AUTH,
        body={"user": "{user}", "issuer": "https://other.example"}),
]  # fmt: skip
