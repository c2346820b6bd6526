"""The full-screen chat with one conversation."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from agileim import events as ev
from agileim.client import Client
from agileim.errors import AgileIMError
from agileim.models import Conversation, User
from agileim.people import People, mentioned
from agileim.tui.commands import COMMANDS, BadCommand, Target, command_in
from agileim.tui.composer import Composer
from agileim.tui.messages import EventView, MessageList, OutgoingView
from agileim.tui.present import CHANGES
from agileim.tui.status import Status
from agileim.tui.thread import Outgoing, Thread

PAGE = 60
SHOWN_MAX = 2_000  # widgets; older ones come back by scrolling
SEND_TIMEOUT_S = 120.0
RECEIPTS_MEMBERS_MAX = 50  # larger groups broadcast no receipts
KEYS = "Enter send · Ctrl+J new line · Ctrl+↑ choose, / command · Ctrl+R resend · Ctrl+Q quit"


class ChatApp(App[None]):
    """Shows one conversation and sends to it."""

    CSS_PATH = "chat.tcss"
    TITLE = "AgileIM"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "leave", "quit", priority=True),
        Binding("ctrl+r", "resend", "send again", priority=True),
        Binding("ctrl+up", "choose(-1)", "choose a message", priority=True),
        Binding("ctrl+down", "choose(1)", "choose a message", priority=True),
        Binding("escape", "choose(0)", "choose none", priority=True),
        Binding("pageup", "older", "scroll up", priority=True),
        Binding("pagedown", "newer", "scroll down", priority=True),
    ]

    def __init__(self, client: Client, me: User, conversation: Conversation) -> None:
        super().__init__()
        self.client = client
        self.thread = Thread(me.id, first_seq=conversation.first_seq)
        self.failure: AgileIMError | None = None
        self._chat = conversation.id
        self._head = conversation.head_seq
        self._people = People(client.api)
        self._people.add([me] + ([conversation.peer] if conversation.peer else []))
        self._status = Status(conversation, self._people, me.id)
        self._views: dict[int, EventView] = {}
        self._outgoing: dict[str, OutgoingView] = {}
        self._loading = False
        self._leaving = False
        self._unseen = 0
        self._chosen = 0  # seq of the message that commands are about; 0: the newest
        self._lines: dict[str, Text] = {}

    def compose(self) -> ComposeResult:
        """Title, connection bar, messages, typing line, input, keys."""
        yield Static(id="title")
        yield Static(id="connection")
        with MessageList(id="messages"):
            yield Static(id="older")
        yield Static(id="typing")
        yield Composer(id="composer", soft_wrap=True, show_line_numbers=False)
        yield Static(KEYS, id="keys")

    @property
    def _list(self) -> MessageList:
        return self.query_one("#messages", MessageList)

    def on_mount(self) -> None:
        """Begin to listen and to load."""
        self.query_one(Composer).focus()
        self._list.anchor()
        self._show_status()
        self.set_interval(0.5, self._show_status)
        self.watch(self._list, "scroll_y", self._scrolled, init=False)
        self.client.watch([self._chat])
        self.run_worker(self._open(), name="open")
        self.run_worker(self._listen(), name="listen")

    # --- what comes -----------------------------------------------------------------------------

    async def _open(self) -> None:
        await self._load(self._head + 1)
        await self._learn_members()
        self._mark_read()

    async def _listen(self) -> None:
        try:
            async for event in self.client.events():
                await self._take(event)
        except AgileIMError as error:
            self.failure = error
            self.exit()

    async def _take(self, event: ev.Event) -> None:
        match event:
            case ev.ConnectionState():
                self._status.connection = event
                self._status.waiting_until = self.client.now + event.retry_in_s
                self._show_status()
            case ev.LogEvent(conversation=self._chat):
                await self._add([event])
                self._mark_read()
            case ev.Receipt(conversation=self._chat):
                if self.thread.receipt(event):
                    self._show_states()
            case ev.Presence(conversation=self._chat):
                self._status.presence(event)
                self._show_status()
            case ev.Typing(conversation=self._chat):
                await self._learn([event.user])
                change = self._status.typing.add if event.active else self._status.typing.discard
                change(event.user)
                self._show_status()
            case ev.ConversationChanged() if event.conversation.id == self._chat:
                await self._synced(event.conversation)

    async def _synced(self, conversation: Conversation) -> None:
        """After a reconnect: what was missed beside the log, and what came before the log began."""
        if conversation.state == "left":
            self.notify("You are no longer a member of this conversation.", severity="warning")
            return
        self._status.conversation = conversation
        if self.thread.events and conversation.head_seq > self.thread.last_seq:
            try:
                missed = [
                    ev.from_wire(event, self.thread.me)
                    async for event in self.client.api.history(
                        self._chat, after_seq=self.thread.last_seq
                    )
                ]
            except AgileIMError as error:
                self.notify(str(error), severity="warning")
            else:
                await self._add(missed)
        await self._learn_members()
        self._mark_read()

    async def _learn_members(self) -> None:
        if self._status.conversation.member_count > RECEIPTS_MEMBERS_MAX:
            return
        try:
            members = [member async for member in self.client.api.members(self._chat)]
        except AgileIMError:
            return  # shown as sent; the next sync tries again
        self._people.add(member.user for member in members)
        self.thread.members(members)
        self._show_states()

    async def _learn(self, users: list[str]) -> None:
        try:
            await self._people.learn(users)
        except AgileIMError:
            return  # the beginning of the id will do

    # --- the list -------------------------------------------------------------------------------

    async def _load(self, before_seq: int) -> None:
        """Load the page before a seq, keeping what is in view where it is."""
        if self._loading:
            return
        self._loading = True
        older = self.query_one("#older", Static)
        older.update("loading…")
        page = None
        try:
            page = await self.client.api.events(self._chat, before_seq=before_seq, limit=PAGE)
            self.thread.first_seq = page.first_seq
            self.thread.present.take(
                await self.client.api.messages(self._chat, before_seq=before_seq, limit=PAGE)
            )
            await self._add([ev.from_wire(event, self.thread.me) for event in page.events])
        except AgileIMError as error:
            self.notify(f"Older messages cannot be loaded: {error}", severity="warning")
        finally:
            self._loading = False
            older.update("" if not self.thread.complete else "the beginning")
        if page is not None and page.events:
            self.call_after_refresh(self._load_if_near_top)  # a tall screen holds several pages

    async def _add(self, added: list[ev.LogEvent]) -> None:
        fresh = [event for event in added if self.thread.add(event)]
        changed = {seq for event in fresh for seq in self.thread.present.apply(event)}
        await self._learn([user for event in fresh for user in mentioned(event)])
        await self._ask_again()
        for seq in changed & self._views.keys():
            self._views[seq].redraw()
        fresh = [event for event in fresh if not isinstance(event, CHANGES)]
        follow = self._list.at_end or not self._views
        if not follow and self._views and any(event.seq > max(self._views) for event in fresh):
            self._unseen += sum(isinstance(event, ev.Message) for event in fresh)
        for gone in self._outgoing.keys() - self.thread.outgoing.keys():
            await self._outgoing.pop(gone).remove()
        if fresh:
            await self._mount(fresh, follow)
        self._show_states()
        if follow:
            await self._trim()
            self._list.scroll_end(animate=False)

    async def _ask_again(self) -> None:
        """Ask for texts that events did not tell."""
        for seq in self.thread.present.outdated:
            with suppress(AgileIMError):  # the old text stays
                page = await self.client.api.messages(self._chat, before_seq=seq + 1, limit=1)
                self.thread.present.take(page)

    async def _mount(self, fresh: list[ev.LogEvent], follow: bool) -> None:
        """Put views of new events where they belong: a run of seqs, above or below all others."""
        fresh.sort(key=lambda event: event.seq)
        shown = sorted(self._views)
        ordered = self.thread.ordered()
        place = {event.seq: index for index, event in enumerate(ordered)}
        views = []
        for event in fresh:
            index = place[event.seq]
            view = EventView(
                event, ordered[index - 1] if index else None, self._people, self.thread.present
            )
            self._views[event.seq] = view
            views.append(view)
        above = [seq for seq in shown if seq > fresh[-1].seq]
        height = self._list.virtual_size.height
        if above:
            first = self._views[above[0]]
            await self._list.mount(*views, before=first)
            first.set_before(fresh[-1])
            if not follow:
                self.call_after_refresh(self._keep_place, height)
        elif self._outgoing:
            await self._list.mount(*views, before=next(iter(self._outgoing.values())))
        else:
            await self._list.mount(*views)

    def _keep_place(self, height: int) -> None:
        grown = self._list.virtual_size.height - height
        self._list.scroll_to(y=self._list.scroll_offset.y + grown, animate=False)

    async def _trim(self) -> None:
        """Forget the oldest views while the newest are looked at."""
        surplus = sorted(self._views)[: max(0, len(self._views) - SHOWN_MAX)]
        for seq in surplus:
            del self.thread.events[seq]
            self.thread.present.forget(seq)
            await self._views.pop(seq).remove()

    def _show_states(self) -> None:
        for view in self._views.values():
            if view.event.mine:
                view.set_state(self.thread.state(view.event))

    def _scrolled(self) -> None:
        if self._list.at_end:
            self._unseen = 0
            self._mark_read()
        self._load_if_near_top()

    def _load_if_near_top(self) -> None:
        if self._list.scroll_offset.y < 5 and self.thread.events and not self.thread.complete:
            self.run_worker(self._load(self.thread.lowest_seq), name="older")

    def _mark_read(self) -> None:
        seq = self.thread.last_seq
        if seq and self._list.at_end and self.app_focus:
            self.run_worker(self._report_read(seq), name="read")

    async def _report_read(self, seq: int) -> None:
        with suppress(AgileIMError):  # the stream tells why the client has ended
            await self.client.mark_read(self._chat, seq)

    def _report_typing(self, active: bool) -> None:
        with suppress(AgileIMError):
            self.client.typing(self._chat, active)

    def on_app_focus(self) -> None:
        """The user is back: what is in view counts as read."""
        self._mark_read()

    def _show_status(self) -> None:
        bar = self._status.connection_line(self.client.now)
        below = f"↓ {self._unseen} new   " if self._unseen else ""
        self._show("#title", self._status.title())
        self._show("#connection", Text(bar))
        self._show("#typing", Text(below + self._status.typing_line()))
        for line in self.query("#connection"):
            line.set_class(bool(bar), "shown")

    def _show(self, line: str, text: Text) -> None:
        # Painting costs a remote terminal more than comparing: only what has changed.
        if self._lines.get(line) != text:
            self._lines[line] = text
            for widget in self.query(line).results(Static):  # none while the screen goes down
                widget.update(text)

    # --- what the user does -----------------------------------------------------------------------

    async def on_composer_submitted(self, message: Composer.Submitted) -> None:
        """Send a message: it is shown at once, as being sent. Or do what a command says."""
        try:
            command = command_in(message.text)
        except BadCommand as error:
            self.notify(str(error), severity="warning")
            return
        if command is not None:
            self.run_worker(self._perform(*command), name="command")
            return
        text = message.text.removeprefix("/") if message.text.startswith("//") else message.text
        outgoing = Outgoing(uuid.uuid4().hex, text, datetime.now(UTC))
        self.thread.outgoing[outgoing.msg_id] = outgoing
        view = OutgoingView(outgoing)
        self._outgoing[outgoing.msg_id] = view
        await self._list.mount(view)
        self._list.scroll_end(animate=False)
        self._report_typing(False)
        self.run_worker(self._send(outgoing), name="send")

    async def _perform(self, name: str, text: str) -> None:
        """A command about the chosen message, or the newest one."""
        seqs = [seq for seq, view in self._views.items() if isinstance(view.event, ev.Message)]
        message = self.thread.present.get(self._chosen or max(seqs, default=0))
        if message is None:
            self.notify("There is no message to do that to.", severity="warning")
            return
        try:
            said = await COMMANDS[name][0](Target(self.client, self._chat, message), text)
        except AgileIMError as error:
            self.notify(str(error), severity="warning")
            return
        if said:
            self.notify(said)
        self.action_choose(0)

    def action_choose(self, step: int) -> None:
        """Choose the message above or below the chosen one; 0: none."""
        seqs = sorted(
            seq for seq, view in self._views.items() if isinstance(view.event, ev.Message)
        )
        before = self._chosen if self._chosen in self._views else 0
        if before:
            self._views[before].remove_class("chosen")
        self._chosen = 0
        if not step or not seqs:
            return
        place = seqs.index(before) + step if before else len(seqs) + min(step, 0)
        if 0 <= place < len(seqs):
            self._chosen = seqs[place]
        elif place < 0:
            self._chosen = seqs[0]
        if self._chosen:
            self._views[self._chosen].add_class("chosen").scroll_visible(animate=False)

    def on_composer_typed(self, message: Composer.Typed) -> None:
        """Tell the others."""
        self._report_typing(not message.empty)

    async def _send(self, outgoing: Outgoing) -> None:
        try:
            await self.client.send(
                self._chat,
                outgoing.text,
                client_msg_id=outgoing.msg_id,
                timeout_s=SEND_TIMEOUT_S,
            )
        except AgileIMError as error:
            outgoing.failed = str(error)
            if view := self._outgoing.get(outgoing.msg_id):
                view.redraw()

    def action_resend(self) -> None:
        """Send failed messages again, with their ids: none can come twice."""
        for outgoing in self.thread.outgoing.values():
            if outgoing.failed:
                outgoing.failed = ""
                self._outgoing[outgoing.msg_id].redraw()
                self.run_worker(self._send(outgoing), name="send")

    def action_older(self) -> None:
        """Scroll up."""
        self._list.scroll_page_up(animate=False)

    def action_newer(self) -> None:
        """Scroll down."""
        self._list.scroll_page_down(animate=False)

    def action_leave(self) -> None:
        """Quit; the first time only a warning if a message is still on its way."""
        if self.thread.outgoing and not self._leaving:
            self._leaving = True
            self.notify("A message is not sent yet. Press again to quit.", severity="warning")
            return
        self.exit()
