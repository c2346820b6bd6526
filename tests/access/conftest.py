"""The walk over the table needs what the tests of api have."""

from __future__ import annotations

from tests.api.conftest import api, issuer, settings

__all__ = ["api", "issuer", "settings"]
