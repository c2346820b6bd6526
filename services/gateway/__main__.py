"""``python -m services.gateway``"""

from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings
from shared.runner import main

main("gateway", GatewaySettings, create_app)
