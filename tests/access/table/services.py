"""What an organisation's own services ask api."""

from __future__ import annotations

from shared.internal import SCOPE_SERVICE
from tests.access.answers import CONFLICT, service
from tests.access.row import Row

BASE = "/internal/v1"

ROWS = [
    Row("POST", f"{BASE}/tell", service(200), scope=SCOPE_SERVICE,
        body={"id": "{fresh}", "text": "Hello", "users": ["{target}"]}),
    Row("POST", f"{BASE}/connections", service(200), body={}, scope=SCOPE_SERVICE),
    Row("POST", f"{BASE}/users/{{user}}/sign-out", service(200), scope=SCOPE_SERVICE),
    Row("GET", f"{BASE}/feed", service(CONFLICT), scope=SCOPE_SERVICE),  # there is none by default
]  # fmt: skip
