"""Letters: from a kind and a language to a message with text and HTML."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.auth.texts import Texts

_FOLDER: Final = Path(__file__).parents[1] / "templates" / "mail"


class Letters:
    """Writes letters. ``sender`` is what stands in From: ``Name <address>`` or an address."""

    def __init__(self, sender: Address, issuer: str) -> None:
        self._sender = sender
        self._issuer = issuer
        self._html = Environment(
            loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip

    def write(
        self, kind: str, to: str, texts: Texts, *, name: str, link: str = "", code: str = "",
        note: str = "",
    ) -> EmailMessage:  # fmt: skip
        """The letter of a kind: its texts are ``mail_KIND_subject``, ``_intro``, ``_outro`` and,
        with a link, ``_button``."""
        values = {"name": name, "issuer": self._issuer, "note": note}
        parts = {
            part: texts(f"mail_{kind}_{part}", **values) for part in ("subject", "intro", "outro")
        }
        button = texts(f"mail_{kind}_button") if link else ""
        hello = texts("mail_hello", name=name)
        message = EmailMessage()
        message["Subject"] = f"{parts['subject']}"
        message["From"] = self._sender
        message["To"] = to
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=self._sender.domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5
        message["Content-Language"] = texts.language
        lines = [hello, "", parts["intro"], ""]
        lines += [f"    {code}", ""] if code else []
        lines += [f"{button}:", link, ""] if link else []
        lines += [parts["outro"], "", f"-- \n{texts('product')} · {self._issuer}"]
        message.set_content("\n".join(lines))
        page = self._html.get_template("letter.html").render(
            t=texts, hello=hello, code=code, link=link, button=button, issuer=self._issuer, **parts
        )
        message.add_alternative(page, subtype="html")
        return message
