"""Fills in the sign-in pages as a person in a browser would.

For the demo, which signs people in without one: it opens the address that a client asks to have
opened, fills in the form, and follows the redirect to the client's loopback listener.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from standalone.errors import StandaloneError

PAGES_MAX: Final = 5  # sign-in, consent and what else may come; more is a loop


class PageError(StandaloneError):
    """The pages did not lead where they should; the text is what they said."""


class WrongCredentials(PageError):
    """The page refused the handle or the password."""


@dataclass
class Form:
    """A page's form with what its fields hold."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    """The first form that is posted, and what an alert says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.form: Form | None = None
        self.alert = ""
        self._in_alert = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        if "alert" in classes or "fault" in classes:
            self._in_alert = True
        if tag == "form" and self.form is None and given.get("method", "").lower() == "post":
            self.form = Form(given["action"])
        elif tag == "input" and self.form is not None and given.get("name"):
            self.form.fields[given["name"]] = given.get("value", "")
        elif tag == "button" and self.form is not None and given.get("value") == "allow":
            self.form.fields[given["name"]] = "allow"

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self._in_alert = False

    def handle_data(self, data: str) -> None:
        if self._in_alert:
            self.alert = f"{self.alert} {data.strip()}".strip()


async def fill_in(url: str, fields: dict[str, str]) -> None:
    """Open `url`, fill in the form that comes with `fields`, agree to what is asked after it.

    Returns when another site was reached: the client's loopback listener. Raises
    :class:`WrongCredentials` when the filled-in form comes back, :class:`PageError`.
    """
    # unsafe: keeps the cookies of IP addresses too.
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        origin = URL(url).origin()
        filled = False
        method, data = "GET", None
        for _ in range(PAGES_MAX):
            async with http.request(method, URL(url, encoded=True), data=data) as answer:
                text = await answer.text()
                if answer.url.origin() != origin:
                    return
                url = str(answer.url)
            page = _Reader(text)
            if page.form is None:
                raise PageError(f"{url}: {page.alert or 'a page without a form'}")
            if filled and "password" in page.form.fields:
                raise WrongCredentials(page.alert or f"{url}: refused")
            data = page.form.fields | {k: v for k, v in fields.items() if k in page.form.fields}
            filled = filled or "password" in page.form.fields
            method, url = "POST", urljoin(url, page.form.action)
    raise PageError(f"more than {PAGES_MAX} pages")
