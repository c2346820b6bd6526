"""Where a running installation of this machine answers, from its data folder: for the operators'
tool."""

from __future__ import annotations

import json
from pathlib import Path

from standalone.ports import LOOPBACK
from standalone.services import ADMIN, PARTITIONS


def environment(folder: Path) -> dict[str, str]:
    """The settings of ``agileim admin`` for this data folder."""
    folder = folder.absolute()
    ports: dict[str, int] = json.loads((folder / "ports.json").read_text())
    secret = folder / "secrets"

    def urls(kind: str) -> list[str]:
        names = sorted(name for name in ports if name.startswith(f"{kind}-"))
        return [f"http://{LOOPBACK}:{ports[name]}" for name in names]

    return {
        "AGILEIM_API_URLS": ",".join(urls("api")),
        "AGILEIM_AUTH_URL": urls("auth")[0] if urls("auth") else "",
        "AGILEIM_CLIENT_ID": ADMIN,
        "AGILEIM_CLIENT_SECRET_FILE": str(secret / f"{ADMIN}-client"),
        "AGILEIM_REDIS_URL_FILE": str(secret / "redis-url"),
        "AGILEIM_DATABASE_URL_FILE": str(secret / "database-url"),
        "AGILEIM_KEYS_DIR": str(folder / "keys"),
        "AGILEIM_ISSUER": f"http://{LOOPBACK}:{ports['edge']}" if "edge" in ports else "",
        "AGILEIM_PARTITIONS": str(PARTITIONS),
    }
