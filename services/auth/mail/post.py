"""The post office: what handlers use."""

from __future__ import annotations

from email.headerregistry import Address
from email.utils import parseaddr

from services.auth.mail.letter import Letters
from services.auth.mail.outbox import Outbox
from services.auth.texts import Texts


class Post:
    """Writes letters and has them carried away."""

    def __init__(self, letters: Letters, outbox: Outbox) -> None:
        self._letters = letters
        self.outbox = outbox

    def send(
        self, kind: str, to: str, texts: Texts, *, name: str, link: str = "", code: str = "",
        note: str = "",
    ) -> bool:  # fmt: skip
        """Returns at once; False when too many letters wait."""
        return self.outbox.post(
            self._letters.write(kind, to, texts, name=name, link=link, code=code, note=note)
        )


def sender(text: str) -> Address:
    """``AgileIM <no-reply@example.org>`` or an address. Raises ValueError."""
    name, address = parseaddr(text)
    local, at, domain = address.rpartition("@")
    if not (local and at and domain):
        raise ValueError("must be an address, or Name <address>")
    return Address(display_name=name, username=local, domain=domain)
