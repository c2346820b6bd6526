"""The log, messages, and what is attached to them."""

from __future__ import annotations

from tests.access.answers import FORBIDDEN, NOT_FOUND, managers, members, signed_in
from tests.access.row import Row

BASE = "/v1/conversations/{conversation}"
MESSAGE = f"{BASE}/messages/{{seq}}"
TEXT = {"client_msg_id": "{fresh}", "body": {"text": "hi"}}
ANSWER = {"client_msg_id": "{fresh}", "body": {"text": "hi", "reply_to": "{target_seq}"}}
OWN = {"seq": "own_seq"}

ROWS = [
    Row("GET", f"{BASE}/events", members(200)),
    Row("GET", f"{BASE}/events", members(200), place="direct", note="direct"),
    Row("GET", f"{BASE}/messages", members(200)),
    Row("GET", f"{BASE}/pins", members(200)),
    Row("GET", f"{BASE}/messages", members(200), place="direct", note="direct"),
    Row("POST", f"{BASE}/messages", members(201, muted=FORBIDDEN), body=TEXT),
    Row("POST", f"{BASE}/messages", members(201, muted=FORBIDDEN), body=ANSWER, note="an answer"),
    Row("POST", f"{BASE}/messages", members(201, blocked=FORBIDDEN), body=TEXT, place="direct",
        note="direct"),
    Row("POST", f"{BASE}/receipts", members(200), body={"read_seq": 1}),
    Row("POST", f"{BASE}/receipts", members(200), body={"read_seq": 1}, place="direct",
        note="direct"),
    Row("PATCH", MESSAGE, members(200, muted=FORBIDDEN), body={"text": "other"}, fill=OWN,
        note="one's own"),
    Row("PATCH", MESSAGE, members(FORBIDDEN), body={"text": "other"}, note="another's"),
    Row("PATCH", MESSAGE, members(200, blocked=FORBIDDEN), body={"text": "other"}, fill=OWN,
        place="direct",
        note="one's own, direct"),
    Row("DELETE", MESSAGE, members(204), fill=OWN, note="one's own"),
    Row("DELETE", MESSAGE, managers(204), note="another's"),
    Row("DELETE", MESSAGE, members(FORBIDDEN), place="direct", note="another's, direct"),
    Row("GET", f"{MESSAGE}/versions", members(200)),
    Row("PUT", f"{MESSAGE}/reactions/{{emoji}}", members(204, muted=FORBIDDEN)),
    Row("PUT", f"{MESSAGE}/reactions/{{emoji}}", members(204, blocked=FORBIDDEN), place="direct",
        note="direct"),
    Row("PUT", f"{MESSAGE}/reactions/{{emoji}}", members(NOT_FOUND), note="no message",
        fill={"seq": "no_seq"}),
    Row("DELETE", f"{MESSAGE}/reactions/{{emoji}}", members(204)),
    Row("PUT", f"{MESSAGE}/pin", members(204, muted=FORBIDDEN)),
    Row("PUT", f"{MESSAGE}/pin", members(204, blocked=FORBIDDEN), place="direct", note="direct"),
    Row("DELETE", f"{MESSAGE}/pin", members(204)),
    Row("GET", f"{MESSAGE}/receipts", members(200)),
    Row("GET", f"{MESSAGE}/receipts", members(200), place="direct", note="direct"),
    Row("GET", "/v1/me/receipts", signed_in(200)),
    Row("PUT", "/v1/me/receipts", signed_in(200), body={"private": True}),
    Row("GET", "/v1/threads", signed_in(200)),
    Row("GET", f"{MESSAGE}/thread", members(200)),
    Row("PATCH", f"{MESSAGE}/thread", members(200), body={"following": True}),
    Row("POST", f"{BASE}/messages", members(201, muted=FORBIDDEN), note="in a thread",
        body={"client_msg_id": "{fresh}", "body": {"text": "hi", "thread": "{target_seq}"}}),
    Row("POST", f"{BASE}/forward", members(201, muted=FORBIDDEN), note="within it",
        body={"source": "{conversation}",
              "messages": [{"seq": "{target_seq}", "client_msg_id": "{fresh}"}]}),
    Row("POST", f"{BASE}/forward", signed_in(NOT_FOUND), note="from elsewhere",
        body={"source": "{fresh}",
              "messages": [{"seq": "{target_seq}", "client_msg_id": "{fresh}"}]}),
]  # fmt: skip
