"""Groups beside their members: what they are, who keeps order in them, and how people come in."""

from __future__ import annotations

from tests.access.answers import CONFLICT, FORBIDDEN, NOT_FOUND, managers, members, owner, signed_in
from tests.access.row import Row

BASE = "/v1/conversations/{conversation}"
LATER = "2100-01-01T00:00:00Z"
NOWHERE = {"user": "outsider"}

ROWS = [
    Row("PATCH", BASE, managers(200), body={"announcement": True}, note="who may write"),
    Row("DELETE", BASE, owner(204)),
    Row("DELETE", BASE, members(CONFLICT), place="direct", note="direct"),
    Row("PATCH", f"{BASE}/me", members(200), body={"archived": True}),
    Row(
        "PATCH", f"{BASE}/me", members(200), body={"muted_until": LATER}, place="direct",
        note="direct",
    ),
    Row("PUT", f"{BASE}/members/{{user}}/silence", managers(204), body={"until": LATER}),
    Row(
        "PUT", f"{BASE}/members/{{user}}/silence", managers(FORBIDDEN, owner=204),
        body={"until": LATER}, fill={"user": "second_admin"}, note="an admin",
    ),
    Row("DELETE", f"{BASE}/members/{{user}}/silence", managers(204)),
    Row("GET", f"{BASE}/bans", managers(200)),
    Row("PUT", f"{BASE}/bans/{{user}}", managers(204), body={}),
    Row("PUT", f"{BASE}/bans/{{user}}", managers(204), body={}, fill=NOWHERE, note="nobody in it"),
    Row(
        "PUT", f"{BASE}/bans/{{user}}", managers(FORBIDDEN, owner=204), body={},
        fill={"user": "second_admin"}, note="an admin",
    ),
    Row("DELETE", f"{BASE}/bans/{{user}}", managers(204)),
    Row("GET", "/v1/channels", signed_in(200)),
    Row("GET", "/v1/channels/{conversation}", signed_in(NOT_FOUND), note="a private group"),
    Row("POST", f"{BASE}/join", signed_in(NOT_FOUND), body={}, note="a private group"),
    Row("DELETE", f"{BASE}/join", signed_in(204)),
    Row("GET", f"{BASE}/requests", managers(200)),
    Row("POST", f"{BASE}/requests/{{user}}", managers(NOT_FOUND), body={"accept": True}),
    Row("POST", f"{BASE}/invites", managers(201), body={}),
    Row("POST", f"{BASE}/invites", members(CONFLICT), body={}, place="direct", note="direct"),
    Row("GET", f"{BASE}/invites", managers(200)),
    Row(
        "DELETE", f"{BASE}/invites/{{invite}}", managers(NOT_FOUND), fill={"invite": "fresh"},
    ),
    Row("POST", "/v1/invites/preview", signed_in(NOT_FOUND), body={"token": "guessed"}),
    Row("POST", "/v1/invites/accept", signed_in(NOT_FOUND), body={"token": "guessed"}),
]  # fmt: skip
