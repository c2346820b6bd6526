"""What services ask api."""

from __future__ import annotations

from shared.internal import SCOPE_AUTH, SCOPE_DISPATCHER, SCOPE_GATEWAY
from tests.access.answers import INVALID, NOT_FOUND, service
from tests.access.row import Row

BASE = "/internal/v1"
CONVERSATION = f"{BASE}/conversations/{{conversation}}"

ROWS = [
    Row("POST", f"{BASE}/messages", service(200), body={"messages": []}, scope=SCOPE_GATEWAY),
    Row("POST", f"{BASE}/receipts", service(200), body={"marks": []}, scope=SCOPE_GATEWAY),
    Row("POST", f"{BASE}/heads", service(200), body={"users": []}, scope=SCOPE_GATEWAY),
    Row("GET", f"{CONVERSATION}/members", service(200), scope=SCOPE_DISPATCHER),
    Row("GET", f"{CONVERSATION}/events", service(200), scope=SCOPE_DISPATCHER),
    Row("POST", f"{BASE}/people/visibility", service(200), body={"users": ["{user}"]},
        scope=SCOPE_DISPATCHER),
    Row("POST", f"{BASE}/people/seen", service(204), body={"times_ms": {}},
        scope=SCOPE_DISPATCHER),
    Row("POST", f"{BASE}/accounts", service(INVALID), body={}, scope=SCOPE_AUTH),
    Row("GET", f"{BASE}/accounts", service(NOT_FOUND), query={"handle": "x"}, scope=SCOPE_AUTH),
    Row("GET", f"{BASE}/accounts/{{user}}", service(200), scope=SCOPE_AUTH),
    Row("PUT", f"{BASE}/accounts/{{user}}/password", service(204), scope=SCOPE_AUTH,
        body={"password_hash": "y"}),
    Row("POST", f"{BASE}/sessions", service(INVALID), body={}, scope=SCOPE_AUTH),
    Row("POST", f"{BASE}/sessions/rotate", service(INVALID), body={}, scope=SCOPE_AUTH),
    Row("POST", f"{BASE}/sessions/end", service(200), body={"user": "{user}"}, scope=SCOPE_AUTH),
    Row("POST", f"{BASE}/sessions/find", service(200), body={"user": "{user}"}, scope=SCOPE_AUTH),
    Row("GET", f"{BASE}/consents/{{user}}/{{client_id}}", service(200), scope=SCOPE_AUTH),
    Row("PUT", f"{BASE}/consents/{{user}}/{{client_id}}", service(200), body={"scope": "chat"},
        scope=SCOPE_AUTH),
    Row("POST", f"{BASE}/audit", service(204), body={"events": []}, scope=SCOPE_AUTH),
]  # fmt: skip
