"""What auth asks api about OAuth clients and bots."""

from __future__ import annotations

from shared.internal import SCOPE_AUTH
from tests.access.answers import INVALID, NOT_FOUND, service
from tests.access.row import Row

BASE = "/internal/v1"
CLIENT = f"{BASE}/clients/{{client_id}}"
SECRET = f"{CLIENT}/secrets/{{secret}}"
FILL = {"secret": "fresh"}
NEW_SECRET = {"digest": "0" * 64, "overlap_s": 0}

ROWS = [
    Row("GET", f"{BASE}/clients", service(200), scope=SCOPE_AUTH),
    Row("GET", CLIENT, service(NOT_FOUND), scope=SCOPE_AUTH),
    Row("PUT", CLIENT, service(INVALID), body={}, scope=SCOPE_AUTH),
    Row("DELETE", CLIENT, service(NOT_FOUND), scope=SCOPE_AUTH),
    Row("PUT", SECRET, service(NOT_FOUND), body=NEW_SECRET, fill=FILL, scope=SCOPE_AUTH),
    Row("DELETE", SECRET, service(NOT_FOUND), fill=FILL, scope=SCOPE_AUTH),
    Row("POST", f"{BASE}/bots", service(INVALID), body={}, scope=SCOPE_AUTH),
    Row("DELETE", f"{BASE}/bots/{{user}}", service(NOT_FOUND), scope=SCOPE_AUTH),
]
