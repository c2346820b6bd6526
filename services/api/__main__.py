"""``python -m services.api``"""

from __future__ import annotations

from services.api.app import create_app
from services.api.settings import ApiSettings
from shared.runner import main

if __name__ == "__main__":
    main("api", ApiSettings, create_app)
