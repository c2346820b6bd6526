"""How lists are asked for."""

from __future__ import annotations

from typing import Final

PAGE: Final = 100  # items asked for at a time
