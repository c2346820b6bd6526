"""Keeps the settings in docs/operations.md equal to the code: python -m deploy.settings_tables"""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

from admin.settings import AdminSettings
from services.api.settings import ApiSettings
from services.auth.settings import AuthSettings
from services.dispatcher.settings import DispatcherSettings
from services.gateway.settings import GatewaySettings
from shared.settings import PREFIX, ServiceSettings

PAGE = Path(__file__).parents[1] / "docs/operations.md"
BEGIN, END = "<!-- settings: made from the code -->\n", "<!-- end of settings -->\n"
CLASSES: dict[str, Any] = {
    "All services": ServiceSettings,
    "auth": AuthSettings,
    "api": ApiSettings,
    "dispatcher": DispatcherSettings,
    "gateway": GatewaySettings,
    "agileim admin": AdminSettings,
}


def _comments(settings: type[object]) -> dict[str, str]:
    """What the code says beside each field."""
    found = re.findall(r"^    (\w+): [^#\n]*?  # (.+)$", inspect.getsource(settings), re.MULTILINE)
    return dict(found)


def _default(field: dataclasses.Field[object]) -> str:
    if field.default is dataclasses.MISSING:
        return "**required**"
    if isinstance(field.default, tuple):
        return f"`{','.join(field.default)}`" if field.default else "none"
    return "none" if field.default in (None, "") else f"`{field.default}`"


def tables() -> str:
    """A table for each service, in Markdown."""
    parts = []
    general = {field.name for field in dataclasses.fields(ServiceSettings)}
    for title, settings in CLASSES.items():
        comments = _comments(settings)
        rows = [
            f"| `{PREFIX}{field.name.upper()}` | {_default(field)} "
            f"| {comments.get(field.name, '').replace('|', '/')} |"
            for field in dataclasses.fields(settings)
            if settings is ServiceSettings or field.name not in general
        ]
        parts.append(f"### {title}\n| setting | default | |\n|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def page_with_tables(page: str) -> str:
    """The page with the tables as they should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + tables() + END + after


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
