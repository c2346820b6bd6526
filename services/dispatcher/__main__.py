"""python -m services.dispatcher"""

from __future__ import annotations

from services.dispatcher.app import create_app
from services.dispatcher.settings import DispatcherSettings
from shared.runner import main

if __name__ == "__main__":
    main("dispatcher", DispatcherSettings, create_app)
