"""``/v1/threads``, ``…/messages/{seq}/thread`` and ``…/forward``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from services.api import schemas
from services.api.batcher import Batcher
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer
from services.api.handlers.events import problem_of, sent_json
from services.api.handlers.messages import MESSAGE_PATH, seq_of
from services.api.handlers.snapshots import page_json
from services.api.store.forwards import Forwards
from services.api.store.snapshots import Snapshots
from services.api.store.threads import Threads
from shared.codes import ErrorCode
from shared.internal import NotAppended
from shared.problems import TRACE_ID

_FORWARD: Final = "/v1/conversations/{conversation}/forward"


class ThreadHandlers:
    """Replies that stand aside, and messages said again elsewhere."""

    def __init__(
        self, threads: Threads, snapshots: Snapshots, forwards: Forwards, batcher: Batcher,
        announce: Announcer,
    ) -> None:  # fmt: skip
        self._threads = threads
        self._snapshots = snapshots
        self._forwards = forwards
        self._batcher = batcher
        self._announce = announce

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        missing = (ErrorCode.NOT_FOUND,)
        return [
            Endpoint(
                method="GET", path="/v1/threads", name="listThreads",
                summary="The threads that the caller follows, in the order of conversation and seq",
                handler=self.page, query=schemas.ThreadsQuery, answer=schemas.ThreadPage,
            ),
            Endpoint(
                method="GET", path=f"{MESSAGE_PATH}/thread", name="listThread",
                summary="The replies in a thread as they are now, in ascending order",
                handler=self.replies, query=schemas.MessagesQuery, answer=schemas.MessagePage,
                refusals=missing,
            ),
            Endpoint(
                method="PATCH", path=f"{MESSAGE_PATH}/thread", name="changeThread",
                summary="Follow a thread or stop; tell how far one has read it",
                handler=self.change, body=schemas.ThreadChanges, answer=schemas.Thread,
                refusals=missing,
            ),
            Endpoint(
                method="POST", path=_FORWARD, name="forwardMessages",
                summary="Say messages of another conversation again here, with who said them",
                handler=self.forward, body=schemas.Forward, answer=schemas.ForwardedPage,
                statuses=(201,), refusals=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
        ]  # fmt: skip

    async def page(self, call: Call) -> Reply:
        """GET /v1/threads"""
        query, limit = call.query, call.query["limit"]
        after = (query["after"], query.get("after_thread", 0)) if "after" in query else None
        found = await self._threads.followed(call.user, after, limit + 1, unread=query["unread"])
        shown = found[:limit]
        following = None
        if len(found) > limit:
            following = {"after": shown[-1].conversation, "after_thread": shown[-1].thread}
        return Reply({"threads": [asdict(one) for one in shown], "next": following})

    async def replies(self, call: Call) -> Reply:
        """GET …/messages/{seq}/thread"""
        conversation, seq = call.path["conversation"], seq_of(call)
        await self._threads.of_member(conversation, call.user, seq)
        found = await self._snapshots.thread(
            conversation, call.user, seq, call.query.get("before_seq"), call.query["limit"]
        )
        return Reply(page_json(found))

    async def change(self, call: Call) -> Reply:
        """PATCH …/messages/{seq}/thread"""
        thread, written = await self._threads.change(
            call.path["conversation"], call.user, seq_of(call),
            call.body.get("following"), call.body.get("read_seq"),
        )  # fmt: skip
        self._announce(written)
        return Reply(asdict(thread))

    async def forward(self, call: Call) -> Reply:
        """POST …/forward"""
        messages = [(one["seq"], one["client_msg_id"]) for one in call.body["messages"]]
        drafts = await self._forwards.drafts(
            call.body["source"], call.path["conversation"], call.user, messages,
            call.request[TRACE_ID],
        )  # fmt: skip
        answers = []
        for result in await self._batcher.submit(drafts):
            if isinstance(result, NotAppended):
                raise problem_of(result)
            answers.append(sent_json(result))
        return Reply({"messages": answers}, 201)
