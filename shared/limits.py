"""The limits that clients meet. Listed in the discovery document and in docs/protocol.md."""

from __future__ import annotations

from typing import Final

MESSAGE_MAX_CHARS: Final = 8_000  # a long e-mail; above it a file is the better form
CLIENT_MSG_ID_MAX_CHARS: Final = 64  # room for a UUID with a bot's own prefix
MESSAGE_VERSIONS_MAX: Final = 100  # texts of one message, the first included
RECALL_WITHIN_S: Final = 24 * 60 * 60  # one's own message; moderators may at any time
REACTIONS_MAX_DIFFERENT: Final = 20  # emoji on one message, by whomever
REACTION_USERS_SHOWN: Final = 10  # of those who reacted with an emoji; the rest is counted
PINS_MAX: Final = 100  # pinned messages of a conversation
FRAME_MAX_BYTES: Final = 64 * 1024  # 8,000 characters of 4 bytes, JSON-escaped, fit
NAME_MAX_CHARS: Final = 100
HANDLE_MIN_CHARS: Final = 2
HANDLE_MAX_CHARS: Final = 32

GROUP_MAX_MEMBERS: Final = 10_000
ADD_MEMBERS_MAX: Final = 100  # members added by one request
RECEIPTS_MAX_MEMBERS: Final = 50  # above it receipts are kept and listed, but not broadcast
WATCH_MAX_CONVERSATIONS: Final = 200  # conversations whose presence one connection follows
PRESENCE_MAX_MEMBERS: Final = 200  # larger conversations show no live presence

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 200

HELLO_TIMEOUT_S: Final = 10.0  # a socket that has not said hello by then is closed
HEARTBEAT_S: Final = 25.0  # below the 30 s after which common proxies cut idle sockets
HEARTBEAT_MISSED_MAX: Final = 2
TOKEN_GRACE_S: Final = 10.0  # clocks differ a little; also the time to answer `expiring`

SENDS_PER_S: Final = 20.0  # sustained, per connection; bursts of SENDS_BURST
SENDS_BURST: Final = 60
FRAMES_PER_S: Final = 100.0
FRAMES_BURST: Final = 300
SENDS_IN_FLIGHT_MAX: Final = 64  # unanswered sends of one connection

OUTBOX_MAX_FRAMES: Final = 2_048  # frames waiting for one socket before it is a slow consumer
OUTBOX_MAX_BYTES: Final = 1024 * 1024
UNACKED_MAX_EVENTS: Final = 4_096  # events written to one socket and not yet acknowledged
SEND_BATCH_MAX: Final = 64  # messages in one internal request
