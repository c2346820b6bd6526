"""What the product is called, where people see or might use its name."""

from __future__ import annotations

from typing import Final

PRODUCT: Final = "AgileIM"
