"""Profiles, and finding people."""

from __future__ import annotations

from tests.access.answers import NOT_FOUND, signed_in
from tests.access.row import Row

ROWS = [
    Row("GET", "/v1/me", signed_in(200)),
    Row("GET", "/v1/users", signed_in(200), query={"ids": "{target}"}),
    Row("GET", "/v1/users/{user}", signed_in(200)),
    Row("GET", "/v1/users/{user}", signed_in(NOT_FOUND), note="nobody", fill={"user": "fresh"}),
]
