"""Users by id, asked for once: programs show names, the log has ids."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from agileim import events as ev
from agileim.models import Forwarded, User
from agileim.rest import Api

REMEMBERED_MAX = 10_000


class People:
    """A bounded cache of users."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: OrderedDict[str, User] = OrderedDict()

    def add(self, users: Iterable[User]) -> None:
        """These are known from elsewhere."""
        for user in users:
            self._known[user.id] = user
            self._known.move_to_end(user.id)
            if len(self._known) > REMEMBERED_MAX:
                self._known.popitem(last=False)

    async def learn(self, ids: Iterable[str]) -> None:
        """Ask for those that are not known yet."""
        missing = sorted({one for one in ids if one and one not in self._known})
        if missing:
            self.add(await self._api.users(missing))

    def name(self, user: str) -> str:
        """The name to show; the beginning of the id where it is not known."""
        known = self._known.get(user)
        return known.label if known else user[:8]

    def names(self, users: Iterable[str]) -> str:
        """Several names, separated by commas."""
        return ", ".join(self.name(user) for user in users)


def mentioned(event: ev.LogEvent) -> list[str]:
    """The users whose names are needed to show an event."""
    match event:
        case ev.MembersAdded():
            return [event.sender, *event.users]
        case (
            ev.MemberRemoved() | ev.MemberLeft() | ev.RoleChanged() | ev.MemberBanned()
            | ev.MemberUnbanned() | ev.MemberSilenced() | ev.JoinRequested() | ev.JoinAnswered()
        ):  # fmt: skip
            return [event.sender, event.user]
        case ev.Message(forwarded=Forwarded() as origin):
            return [event.sender, origin.sender]
        case ev.ConversationAdded() | ev.ConversationRemoved():
            return [event.by]
        case _:
            return [event.sender]


def sentence(event: ev.LogEvent, people: People) -> str:
    """An event that is no message, in words."""
    who = people.name(event.sender)
    match event:
        case ev.Message():
            return event.text
        case ev.MessageEdited() if event.text is not None:
            return f"{who} edited a message: {event.text}"
        case ev.MessageEdited():
            return f"{who} edited a message"
        case ev.MessageRecalled():
            return f"{who} recalled a message"
        case ev.ReactionAdded():
            return f"{who} reacted {event.emoji}"
        case ev.ReactionRemoved():
            return f"{who} took {event.emoji} back"
        case ev.MessagePinned():
            return f"{who} pinned a message"
        case ev.MessageUnpinned():
            return f"{who} unpinned a message"
        case ev.ConversationCreated() if event.kind == "group":
            return f"{who} created the group “{event.name}”"
        case ev.ConversationCreated():
            return f"{who} started the conversation"
        case ev.ConversationRenamed():
            return f"{who} renamed the group to “{event.name}”"
        case ev.MembersAdded():
            return f"{who} added {people.names(event.users)}"
        case ev.MemberRemoved():
            return f"{who} removed {people.name(event.user)}"
        case ev.MemberLeft():
            return f"{people.name(event.user)} left"
        case ev.RoleChanged():
            return f"{people.name(event.user)} is now {event.role}"
        case ev.GroupChanged():
            what = ", ".join(sorted(event.changes))
            topic = event.changes.get("topic")
            if len(event.changes) == 1 and isinstance(topic, str):
                return f"{who} set the topic: {topic}"
            return f"{who} changed the group's {what}"
        case ev.GroupDissolved():
            return f"{who} dissolved the group"
        case ev.MemberBanned():
            return f"{who} banned {people.name(event.user)}"
        case ev.MemberUnbanned():
            return f"{who} lets {people.name(event.user)} come back"
        case ev.MemberSilenced():
            if event.until is None:
                return f"{who} lets {people.name(event.user)} write again"
            until = f"{event.until.astimezone():%-d %B %H:%M}"
            return f"{who} silenced {people.name(event.user)} until {until}"
        case ev.SettingsChanged():
            return "You changed the settings of a conversation"
        case ev.ThreadChanged():
            return "You read a thread, or changed whether you follow it"
        case ev.JoinRequested():
            return f"{people.name(event.user)} asks to join a group"
        case ev.JoinAnswered():
            answer = "may join" if event.accepted else "may not join, or asks no more"
            return f"{people.name(event.user)} {answer}"
        case ev.ConversationAdded():
            return f"{people.name(event.by)} added you to a conversation"
        case ev.ConversationRemoved():
            return f"{people.name(event.by)} removed you from a conversation"
        case ev.OtherEvent():
            return f"{who}: something that this version cannot show ({event.kind})"
        case _:
            return ""
