"""People are told what happened to their account: on every device that they are signed in on, and
by mail if they have proved an address. If it was not them, this is how they notice."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from services.auth import audit
from services.auth.accounts import Accounts
from services.auth.mail.post import Post
from services.auth.texts import negotiated
from shared.ids import new_id
from shared.internal import Account
from shared.logs import get_logger
from shared.runner import TASKS
from shared.service_client import ApiRefused, ApiUnavailable

# Of these events people are told. Their texts are notice_EVENT, with what the audit says beside.
TOLD: Final = frozenset(
    {audit.FACTOR_ADDED, audit.FACTOR_REMOVED, audit.FACTORS_RESET, audit.PASSWORD_CHANGED,
     audit.PASSKEY_COPIED, audit.RECOVERY_CODES_MADE, audit.RECOVERY_CODE_USED}
)  # fmt: skip


class Notices:
    """Tells them."""

    def __init__(self, accounts: Accounts, post: Post) -> None:
        self._accounts = accounts
        self._post = post

    def tell(self, request: web.Request, account: Account, what: str, kind: str = "") -> None:
        """Returns at once: what has happened has happened, told or not. ``kind``: of what, as a
        part of the texts' key."""
        texts = negotiated(request.headers.get("Accept-Language", ""))
        text = texts(f"notice_{what}_{kind}" if kind else f"notice_{what}")
        request.app[TASKS].spawn("notice", self._tell(account.user, text), essential=False)
        if account.email:
            self._post.send("security", account.email, texts, name=account.display_name, note=text)

    async def tell_owner(self, request: web.Request, user: str, what: str) -> None:
        """As :meth:`tell`, where nobody has shown yet that they are this person. Raises
        ApiUnavailable."""
        account = await self._accounts.by_id(user)
        if account is not None:
            self.tell(request, account, what)

    async def _tell(self, user: str, text: str) -> None:
        try:
            await self._accounts.tell(user, new_id(), text)
        except (ApiUnavailable, ApiRefused) as error:  # the audit and the mail have it
            get_logger().warning("notice_not_told", user_id=user, error=str(error))
