"""Profiles, finding people, contacts and blocks."""

from __future__ import annotations

from tests.access.answers import INVALID, NOT_FOUND, signed_in
from tests.access.row import Row

CONTACT = "/v1/contacts/{user}"
BLOCK = "/v1/blocks/{user}"
NOBODY = {"user": "fresh"}
SELF = {"user": "self"}

ROWS = [
    Row("GET", "/v1/me", signed_in(200)),
    Row("PATCH", "/v1/me", signed_in(200), body={"display_name": "Other"}),
    Row("GET", "/v1/users", signed_in(200), query={"ids": "{target}"}),
    Row("GET", "/v1/users/{user}", signed_in(200)),
    Row("GET", "/v1/users/{user}", signed_in(NOT_FOUND), note="nobody", fill=NOBODY),
    Row("GET", "/v1/people", signed_in(200), query={"q": "somebody"}),
    Row("GET", "/v1/contacts", signed_in(200)),
    Row("GET", "/v1/contacts/requests", signed_in(200)),
    Row("GET", CONTACT, signed_in(200)),
    Row("GET", CONTACT, signed_in(NOT_FOUND), note="nobody", fill=NOBODY),
    # The one whom `target` has blocked is answered as all others: nothing tells of the block.
    Row("PUT", CONTACT, signed_in(200), body={"text": "hi"}),
    Row("PUT", CONTACT, signed_in(NOT_FOUND), body={}, note="nobody", fill=NOBODY),
    Row("PUT", CONTACT, signed_in(INVALID), body={}, note="oneself", fill=SELF),
    Row("PATCH", CONTACT, signed_in(NOT_FOUND), body={"note": "x"}, note="no contact"),
    Row("DELETE", CONTACT, signed_in(204)),
    Row("POST", f"{CONTACT}/accept", signed_in(NOT_FOUND), note="not asked"),
    Row("POST", f"{CONTACT}/refuse", signed_in(204)),
    Row("GET", "/v1/blocks", signed_in(200)),
    Row("PUT", BLOCK, signed_in(204)),
    Row("PUT", BLOCK, signed_in(NOT_FOUND), note="nobody", fill=NOBODY),
    Row("DELETE", BLOCK, signed_in(204)),
]  # fmt: skip
