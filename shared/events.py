"""The kinds of events in a conversation's log, and the shape of each one's body."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """What an event is; the comment gives the shape of its body."""

    MESSAGE = "message"  # {"text": str, "reply_to"?: seq}
    MESSAGE_EDITED = "message_edited"  # {"seq": of it, "version": int, "text"?: str}
    MESSAGE_RECALLED = "message_recalled"  # {"seq": of it}; its text is gone
    REACTION_ADDED = "reaction_added"  # {"seq": of the message, "emoji": str}
    REACTION_REMOVED = "reaction_removed"  # {"seq": of the message, "emoji": str}
    MESSAGE_PINNED = "message_pinned"  # {"seq": of it}
    MESSAGE_UNPINNED = "message_unpinned"  # {"seq": of it}
    CONVERSATION_CREATED = "conversation_created"  # {"kind", "name", "members": [user, ...]}
    CONVERSATION_RENAMED = "conversation_renamed"  # {"name": str}
    MEMBERS_ADDED = "members_added"  # {"users": [user, ...]}; seq is their first
    MEMBER_REMOVED = "member_removed"  # {"user": user}; the last event that this user gets
    MEMBER_LEFT = "member_left"  # {"user": user}; likewise
    ROLE_CHANGED = "role_changed"  # {"user": user, "role": Role}
    CONVERSATION_CHANGED = "conversation_changed"  # {"version": int, what has changed: its value}
    CONVERSATION_DISSOLVED = "conversation_dissolved"  # {}; the last event, for everybody
    MEMBER_BANNED = "member_banned"  # {"user": user}; the last event that this user gets
    MEMBER_UNBANNED = "member_unbanned"  # {"user": user}
    MEMBER_SILENCED = "member_silenced"  # {"user": user, "until": time or null}
    # in a user's inbox only
    CONVERSATION_ADDED = "conversation_added"  # {"conversation": id, "by": user}
    CONVERSATION_REMOVED = "conversation_removed"  # {"conversation": id, "by": user}
    CONVERSATION_SETTINGS = "conversation_settings"  # {"conversation": id, "version", settings}
    THREAD_CHANGED = "thread_changed"  # {"conversation", "thread": seq, "following", "read_seq"}
    JOIN_REQUESTED = "join_requested"  # {"conversation": id, "user": user}
    JOIN_ANSWERED = "join_answered"  # {"conversation": id, "user": user, "accepted": bool}
    PROFILE_CHANGED = "profile_changed"  # {"version": int, what has changed: its value}; one's own
    CONTACT_CHANGED = "contact_changed"  # {"user", "state": ContactState, "text"?, "note"?}
    BLOCK_CHANGED = "block_changed"  # {"user", "blocked": bool}; one's own block
    ANNOUNCEMENT = "announcement"  # {"text": str}, from who runs the server; sender is all zeros


class ContactState(StrEnum):
    """What another person is to one."""

    NONE = "none"
    ASKED = "asked"  # I have asked them
    ASKS = "asks"  # they ask me
    CONTACT = "contact"


class ConversationKind(StrEnum):
    """Who a conversation is for."""

    DIRECT = "direct"  # exactly two people, one conversation per pair
    GROUP = "group"
    INBOX = "inbox"  # one user's own, written by the system


class Role(StrEnum):
    """What a member may do; each includes the ones below."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
