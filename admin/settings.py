"""Where the operators' tool finds the system: the environment, or the folder of ``make up``."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from admin.errors import Misused
from shared.settings import PREFIX, Secret, SettingsError, load

DATA_FOLDER: Final = ".data"  # as `make up` has it
NONE: Final = Secret("")


@dataclass(frozen=True, kw_only=True)
class AdminSettings:
    """As for the services, but nothing is needed before it is used."""

    api_urls: tuple[str, ...] = ()
    auth_url: str = ""
    client_id: str = "admin"
    client_secret: Secret = NONE
    redis_url: Secret = NONE
    database_url: Secret = NONE  # for backup and restore only
    keys_dir: Path | None = None  # auth's signing keys
    files_dir: Path | None = None  # uploaded files, where they lie in a folder
    issuer: str = ""
    partitions: int = 32
    key_prefix: str = "im"
    operator: str = ""  # who asks for changes, as the audit names them
    postgres_bin: Path | None = None  # folder of pg_dump and pg_restore, if not on PATH
    timeout_s: float = 10.0

    def faults(self) -> list[str]:
        return [] if 1 <= self.partitions <= 1024 else [f"{PREFIX}PARTITIONS must be 1 to 1024"]

    def need(self, *names: str) -> None:
        """Raises :class:`Misused` when a setting is missing that a command cannot do without."""
        missing = [f"{PREFIX}{name.upper()}" for name in names if not getattr(self, name)]
        if missing:
            raise Misused(
                f"{' and '.join(missing)} must be set; or name the data folder of `make up`: --data"
            )

    @property
    def who(self) -> str:
        """The operator's name."""
        if self.operator:
            return self.operator
        try:
            return os.environ.get("SUDO_USER") or getpass.getuser()
        except (KeyError, OSError):  # a user id without a name, as in containers
            return f"uid {os.getuid()}"


def read(environ: Mapping[str, str], data: str) -> AdminSettings:
    """From the environment; what is not there, from the folder ``data``, or from ``.data`` if it
    is one of `make up`. Raises :class:`Misused`."""
    folder = Path(data or environ.get(f"{PREFIX}DATA") or DATA_FOLDER)
    found: Mapping[str, str] = {}
    if (folder / "ports.json").is_file():
        from standalone.addresses import environment  # not part of the image

        found = environment(folder)
    elif data:
        raise Misused(f"{folder} is not a data folder of `make up`")
    # A setting of the folder must not stand beside the same one of the environment as a file.
    own = {name.removesuffix("_FILE") for name in environ}
    kept = {name: value for name, value in found.items() if name.removesuffix("_FILE") not in own}
    try:
        return load(AdminSettings, {**kept, **environ})
    except SettingsError as error:
        raise Misused(str(error)) from None
