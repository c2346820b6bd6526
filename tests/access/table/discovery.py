"""What anybody may know."""

from __future__ import annotations

from tests.access.answers import public
from tests.access.row import Row

ROWS = [
    Row("GET", "/v1/limits", public(200)),
    Row("GET", "/v1/openapi.json", public(200)),
]
