"""The pages that people see: templates, their language and their security headers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.auth import csrf
from services.auth.cookies import Cookies
from services.auth.texts import Texts, negotiated

_FOLDER = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"


class Pages:
    """Renders pages. No third parties, nothing framed, nothing kept by caches; and no scripts, but
    for the one file that asks the browser for passkeys, on the pages that need it."""

    def __init__(
        self, cookies: Cookies, *, registration_open: bool, passkeys: bool,
        outside: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        self.cookies = cookies
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["registration_open"] = registration_open
        self._environment.globals["passkeys"] = passkeys
        self._environment.globals["outside"] = outside  # providers: id and name
        self._environment.globals["scripted"] = False
        self._passkeys = passkeys

    def page(
        self,
        request: web.Request,
        template: str,
        *,
        status: int = 200,
        form_action: str = "",
        retry_after_ms: int = 0,
        scripted: bool = False,
        **values: Any,
    ) -> web.Response:
        """A page. ``form_action``: what besides ourselves a form's answer may redirect to.
        ``scripted``: it asks for passkeys, where there can be any."""
        scripted = scripted and self._passkeys
        texts = negotiated(request.headers.get("Accept-Language", ""))
        browser = self.cookies.browser(request)
        mark = browser or csrf.new_browser()
        body = self._environment.get_template(f"{template}.html").render(
            t=texts,
            form_token=csrf.form_token(mark, self.cookies.signin(request)),
            scripted=scripted,
            **values,
        )
        response = web.Response(
            text=body,
            status=status,
            content_type="text/html",
            headers=_headers(texts, form_action, scripted=scripted),
        )
        if retry_after_ms:
            response.headers["Retry-After"] = str(-(-retry_after_ms // 1000))
        if not browser:
            self.cookies.set_browser(response, mark)
        return response

    def error(
        self, request: web.Request, status: int, reason: str, retry_after_ms: int = 0
    ) -> web.Response:
        """The page that says what went wrong. ``reason`` is a key of the texts."""
        return self.page(
            request, "error", status=status, reason=reason, retry_after_ms=retry_after_ms,
            seconds=-(-retry_after_ms // 1000),
        )  # fmt: skip


def _headers(texts: Texts, form_action: str, *, scripted: bool) -> dict[str, str]:
    script = "script-src 'self'; connect-src 'self'; " if scripted else ""
    policy = (
        f"default-src 'none'; {script}style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {form_action}".rstrip()
    )
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        # `no-referrer` would make browsers hide the Origin of our own forms.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Content-Language": texts.language,
        "Vary": "Accept-Language, Cookie",
    }
