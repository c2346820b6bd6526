"""The REST interface ``/v1``, typed. Requests that may be repeated are, until `timeout_s`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar, overload
from urllib.parse import quote

import aiohttp
import msgspec

from agileim.backoff import Backoff
from agileim.errors import AgileIMError, Closed, Refused, Unreachable, refusal
from agileim.frames import Event
from agileim.models import (
    Conversation,
    ConversationPage,
    EventPage,
    Member,
    MemberPage,
    MessagePage,
    MessageVersion,
    MessageVersions,
    Sent,
    SyncPage,
    User,
    UserPage,
)
from agileim.tokens import TokenSource

TIMEOUT_S = 30.0
TRY_TIMEOUT_S = 10.0
PAGE = 100
RETRY_STATUS = frozenset({429, 502, 503, 504})

T = TypeVar("T")


class Http:
    """Sends requests with a token; repeats them with backoff where that is safe."""

    def __init__(self, base_url: str, tokens: TokenSource, http: aiohttp.ClientSession) -> None:
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._http = http

    @overload
    async def request(
        self, method: str, path: str, shape: type[T], *, body: Any = ..., timeout_s: float = ...,
        headers: dict[str, str] | None = ..., **params: str | int | None,
    ) -> T: ...  # fmt: skip
    @overload
    async def request(
        self, method: str, path: str, shape: None = None, *, body: Any = ...,
        timeout_s: float = ..., headers: dict[str, str] | None = ..., **params: str | int | None,
    ) -> None: ...  # fmt: skip
    async def request(
        self,
        method: str,
        path: str,
        shape: type[T] | None = None,
        *,
        body: Any = None,
        timeout_s: float = TIMEOUT_S,
        headers: dict[str, str] | None = None,
        **params: str | int | None,
    ) -> T | None:
        """One request, repeated as long as that helps. Every request here may be repeated.

        Raises :class:`~agileim.Refused`, :class:`~agileim.Unreachable`,
        :class:`~agileim.SignedOut`, :class:`~agileim.Closed`.
        """
        backoff = Backoff(base_s=0.2, cap_s=5.0)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        query = {name: str(value) for name, value in params.items() if value is not None}
        rejected, doubtful = "", False
        while True:
            wait_s = 0.0
            error: AgileIMError
            try:
                token = await self._tokens.access_token(rejected=rejected)
                status, answer = await self._try(
                    method,
                    path,
                    body,
                    query,
                    {**(headers or {}), "Authorization": f"Bearer {token}"},
                )
                if status < 300:
                    return None if shape is None else _read(answer, shape)
                problem = _problem(status, answer)
                if status == 401 and not doubtful:
                    rejected, doubtful = token, True
                    continue
                if status not in RETRY_STATUS:
                    raise problem
                wait_s, error = problem.retry_after_ms / 1000, problem
            except Unreachable as unreachable:
                error = unreachable
            wait_s += backoff.next()
            if loop.time() + wait_s >= deadline:
                raise error
            await asyncio.sleep(wait_s)

    async def _try(
        self, method: str, path: str, body: Any, query: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, bytes]:
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._http.closed:  # meanwhile, between two tries
            raise Closed("the client is closed")
        try:
            async with self._http.request(
                method,
                self._base_url + path,
                params=query,
                data=None if body is None else msgspec.json.encode(body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=TRY_TIMEOUT_S),
                allow_redirects=False,
            ) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"no answer from {self._base_url}: {error or 'timeout'}") from error


class _Problem(msgspec.Struct):
    """RFC 9457, with the members that AgileIM adds."""

    title: str = ""
    detail: str = ""
    code: str = ""
    field: str = ""
    retry_after_ms: int = 0
    request_id: str = ""


def _problem(status: int, body: bytes) -> Refused:
    try:
        told = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        told = _Problem()
    return refusal(
        told.code or ("not_found" if status == 404 else "internal"),
        told.detail or told.title or f"the server answers {status}",
        field=told.field,
        retry_after_ms=told.retry_after_ms,
        status=status,
        request_id=told.request_id,
    )


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise Unreachable(f"the answer cannot be read: {error}") from error


def _reaction_path(conversation: str, seq: int, emoji: str) -> str:
    return f"/v1/conversations/{conversation}/messages/{seq}/reactions/{quote(emoji, safe='')}"


def message_body(text: str, reply_to: int | None = None) -> dict[str, str | int]:
    """The body of a message as it is sent."""
    return {"text": text} if reply_to is None else {"text": text, "reply_to": reply_to}


class Api:
    """The calls. All raise :class:`~agileim.Refused` (often :class:`~agileim.NotFound`),
    :class:`~agileim.Unreachable` and :class:`~agileim.SignedOut`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def me(self) -> User:
        """The signed-in user."""
        return await self._http.request("GET", "/v1/me", User)

    async def user(self, user: str) -> User:
        """A user by id."""
        return await self._http.request("GET", f"/v1/users/{user}", User)

    async def user_by_handle(self, handle: str) -> User | None:
        """A user by handle (exactly, but for upper and lower case)."""
        page = await self._http.request("GET", "/v1/users", UserPage, handle=handle.lower())
        return page.users[0] if page.users else None

    async def users(self, ids: Sequence[str]) -> list[User]:
        """Users by id; unknown ones are left out."""
        found: list[User] = []
        for start in range(0, len(ids), PAGE):
            some = ",".join(ids[start : start + PAGE])
            found += (await self._http.request("GET", "/v1/users", UserPage, ids=some)).users
        return found

    async def conversations(self) -> AsyncIterator[Conversation]:
        """All conversations of the user."""
        after: str | None = None
        while True:
            page = await self._http.request(
                "GET", "/v1/conversations", ConversationPage, after=after, limit=PAGE
            )
            for conversation in page.conversations:
                yield conversation
            if not page.next:
                return
            after = page.next

    async def conversation(self, conversation: str) -> Conversation:
        """One conversation."""
        return await self._http.request("GET", f"/v1/conversations/{conversation}", Conversation)

    async def create_direct(self, user: str) -> Conversation:
        """The conversation with `user`, made if there is none."""
        body = {"kind": "direct", "user": user}
        return await self._http.request("POST", "/v1/conversations", Conversation, body=body)

    async def create_group(self, name: str, members: Sequence[str] = ()) -> Conversation:
        """A new group of this user and `members` (user ids)."""
        body = {"kind": "group", "name": name, "members": list(members)}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return await self._http.request(
            "POST", "/v1/conversations", Conversation, body=body, headers=key
        )

    async def rename(self, conversation: str, name: str) -> None:
        """Give a group another name."""
        await self._http.request("PATCH", f"/v1/conversations/{conversation}", body={"name": name})

    async def members(self, conversation: str) -> AsyncIterator[Member]:
        """All members."""
        after: str | None = None
        path = f"/v1/conversations/{conversation}/members"
        while True:
            page = await self._http.request("GET", path, MemberPage, after=after, limit=PAGE)
            for member in page.members:
                yield member
            if not page.next:
                return
            after = page.next

    async def add_members(self, conversation: str, users: Sequence[str]) -> None:
        """Make these users members of a group."""
        path = f"/v1/conversations/{conversation}/members"
        await self._http.request("POST", path, body={"users": list(users)})

    async def remove_member(self, conversation: str, user: str) -> None:
        """Remove a member from a group."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}/members/{user}")

    async def set_role(self, conversation: str, user: str, role: str) -> None:
        """Make a member ``admin`` or ``member``."""
        path = f"/v1/conversations/{conversation}/members/{user}"
        await self._http.request("PATCH", path, body={"role": role})

    async def hand_over(self, conversation: str, user: str) -> None:
        """Make another member the owner."""
        path = f"/v1/conversations/{conversation}/owner"
        await self._http.request("POST", path, body={"user": user})

    async def leave(self, conversation: str) -> None:
        """Leave a group."""
        await self._http.request("POST", f"/v1/conversations/{conversation}/leave")

    async def events(
        self,
        conversation: str,
        *,
        after_seq: int | None = None,
        before_seq: int | None = None,
        limit: int = PAGE,
    ) -> EventPage:
        """A range of the log, ascending: after a seq, or the page just before one."""
        path = f"/v1/conversations/{conversation}/events"
        return await self._http.request(
            "GET", path, EventPage, after_seq=after_seq, before_seq=before_seq, limit=limit
        )

    async def history(self, conversation: str, *, after_seq: int = 0) -> AsyncIterator[Event]:
        """The log from its beginning (or after a seq) to its present end."""
        while True:
            page = await self.events(conversation, after_seq=after_seq)
            for event in page.events:
                yield event
            if not page.events or page.events[-1].seq >= page.head_seq:
                return
            after_seq = page.events[-1].seq

    async def history_backwards(
        self, conversation: str, *, before_seq: int | None = None
    ) -> AsyncIterator[Event]:
        """The log from its end (or before a seq) back to its beginning."""
        if before_seq is None:
            before_seq = (await self.conversation(conversation)).head_seq + 1
        while before_seq > 1:
            page = await self.events(conversation, before_seq=before_seq)
            for event in reversed(page.events):
                yield event
            if not page.events or page.events[0].seq <= page.first_seq:
                return
            before_seq = page.events[0].seq

    async def post_message(
        self,
        conversation: str,
        text: str,
        *,
        client_msg_id: str | None = None,
        reply_to: int | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Sent:
        """Send a message without a socket; tries of one call share one id."""
        msg_id = client_msg_id or uuid.uuid4().hex
        path = f"/v1/conversations/{conversation}/messages"
        body = {"client_msg_id": msg_id, "body": message_body(text, reply_to)}
        sent = await self._http.request("POST", path, Sent, body=body, timeout_s=timeout_s)
        return msgspec.structs.replace(sent, client_msg_id=msg_id)

    async def messages(
        self, conversation: str, *, before_seq: int | None = None, limit: int = PAGE
    ) -> MessagePage:
        """Messages as they are now: the last ones, or those before a seq."""
        path = f"/v1/conversations/{conversation}/messages"
        return await self._http.request(
            "GET", path, MessagePage, before_seq=before_seq, limit=limit
        )

    async def edit_message(
        self, conversation: str, seq: int, text: str, *, version: int | None = None
    ) -> MessageVersion:
        """Give an own message another text. With `version`, the one that the user has seen, an
        edit from another device in between is refused (code ``stale``)."""
        path = f"/v1/conversations/{conversation}/messages/{seq}"
        match = None if version is None else {"If-Match": f'"{version}"'}
        return await self._http.request(
            "PATCH", path, MessageVersion, body={"text": text}, headers=match
        )

    async def recall_message(self, conversation: str, seq: int) -> None:
        """Take a message's text away: an own one for a day; owner and admins may at any time."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}/messages/{seq}")

    async def message_versions(self, conversation: str, seq: int) -> list[MessageVersion]:
        """All texts of a message, the oldest first; none of a recalled one."""
        path = f"/v1/conversations/{conversation}/messages/{seq}/versions"
        return (await self._http.request("GET", path, MessageVersions)).versions

    async def react(self, conversation: str, seq: int, emoji: str) -> None:
        """React to a message with one emoji."""
        await self._http.request("PUT", _reaction_path(conversation, seq, emoji))

    async def unreact(self, conversation: str, seq: int, emoji: str) -> None:
        """Take an own reaction back."""
        await self._http.request("DELETE", _reaction_path(conversation, seq, emoji))

    async def pin(self, conversation: str, seq: int) -> None:
        """Pin a message for all."""
        await self._http.request("PUT", f"/v1/conversations/{conversation}/messages/{seq}/pin")

    async def unpin(self, conversation: str, seq: int) -> None:
        """Take a pin away."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}/messages/{seq}/pin")

    async def report(
        self, conversation: str, *, delivered_seq: int | None = None, read_seq: int | None = None
    ) -> None:
        """Tell how far the user has got and read the conversation."""
        marks = {"delivered_seq": delivered_seq, "read_seq": read_seq}
        body = {name: seq for name, seq in marks.items() if seq is not None}
        await self._http.request("POST", f"/v1/conversations/{conversation}/receipts", body=body)

    async def sync(self, cursor: str | None = None, *, limit: int = PAGE) -> SyncPage:
        """One page of the conversations that moved since `cursor`."""
        return await self._http.request("GET", "/v1/sync", SyncPage, cursor=cursor, limit=limit)
