"""Conversations, their members, and sync."""

from __future__ import annotations

from tests.access.answers import (
    CONFLICT,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    managers,
    members,
    owner,
    signed_in,
)
from tests.access.row import Row

BASE = "/v1/conversations/{conversation}"
GROUP = {"kind": "group", "name": "New", "members": ["{target}"]}

ROWS = [
    Row("GET", "/v1/sync", signed_in(200)),
    Row("GET", "/v1/conversations", signed_in(200)),
    Row("POST", "/v1/conversations", signed_in(201, blocked=FORBIDDEN), body=GROUP, note="group"),
    Row(
        "POST", "/v1/conversations", signed_in(201, blocked=FORBIDDEN), note="direct",
        body={"kind": "direct", "user": "{target}"},
    ),
    Row(
        "POST", "/v1/conversations", signed_in(201), note="direct with an unknown one",
        body={"kind": "direct", "user": "{outsider}"},
    ),
    Row(
        "POST", "/v1/conversations", signed_in(INVALID), note="direct with nobody",
        body={"kind": "direct", "user": "{fresh}"},
    ),
    Row("GET", BASE, members(200)),
    Row("GET", BASE, members(200), place="direct", note="direct"),
    Row("PATCH", BASE, managers(200), body={"name": "Other"}),
    Row("PATCH", BASE, members(CONFLICT), body={"name": "x"}, place="direct", note="direct"),
    Row("GET", f"{BASE}/members", members(200)),
    Row("GET", f"{BASE}/members", members(200), place="direct", note="direct"),
    Row("POST", f"{BASE}/members", managers(204), body={"users": ["{outsider}"]}),
    Row(
        "POST", f"{BASE}/members", members(CONFLICT), body={"users": ["{outsider}"]},
        place="direct", note="direct",
    ),
    Row("PATCH", f"{BASE}/members/{{user}}", owner(204), body={"role": "admin"}),
    Row("DELETE", f"{BASE}/members/{{user}}", managers(204), note="a member"),
    Row(
        "DELETE", f"{BASE}/members/{{user}}", owner(204, admin=FORBIDDEN), note="an admin",
        fill={"user": "second_admin"},
    ),
    Row(
        "DELETE", f"{BASE}/members/{{user}}", members(NOT_FOUND), note="nobody in it",
        fill={"user": "outsider"},
    ),
    Row("POST", f"{BASE}/leave", members(204, owner=CONFLICT)),
    Row("POST", f"{BASE}/leave", members(CONFLICT), place="direct", note="direct"),
    Row("POST", f"{BASE}/owner", owner(204), body={"user": "{target}"}),
]  # fmt: skip
