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
STATUS_MAX_CHARS: Final = 140  # what a reader sees as characters, as in all names and short texts
NOTE_MAX_CHARS: Final = 100  # what one calls a contact for oneself
REQUEST_TEXT_MAX_CHARS: Final = 200  # who one is, to somebody who may not know
CONTACTS_MAX: Final = 5_000  # of one person
CONTACT_REQUESTS_MAX: Final = 100  # that one person has made and nobody has answered
CONTACT_REQUESTS_GOT_MAX: Final = 1_000  # that wait for one person's answer
CONTACT_REFUSAL_S: Final = 7 * 86_400  # so long a refusal holds, quietly
BLOCKS_MAX: Final = 5_000  # of one person

GROUP_MAX_MEMBERS: Final = 10_000
ADD_MEMBERS_MAX: Final = 100  # members added by one request
RECEIPTS_MAX_MEMBERS: Final = 50  # above it receipts are kept and listed, but not broadcast
COUNTED_MAX: Final = 100  # mentions and threads are counted up to here: "100" means so or more
MENTIONS_MAX: Final = 50  # people that one message mentions
FORWARD_MAX: Final = 30  # messages forwarded at once
TOPIC_MAX_CHARS: Final = 250
DESCRIPTION_MAX_CHARS: Final = 2_000
ADMINS_MAX: Final = 50  # of one group; each is told of everybody who asks to join
INVITES_MAX: Final = 100  # of one group that are good at a time
INVITE_MAX_S: Final = 365 * 86_400
JOIN_REQUESTS_MAX: Final = 1_000  # of one group that wait at a time
BANS_MAX: Final = 10_000  # of one group
MARK_TIMES_S: Final = 90 * 86_400  # so long it is known when a message was delivered and read
WATCH_MAX_CONVERSATIONS: Final = 200  # conversations whose presence one connection follows
PRESENCE_MAX_MEMBERS: Final = 200  # larger conversations show no live presence

FILE_MAX_BYTES: Final = 100 * 1024 * 1024
FILES_QUOTA_BYTES: Final = 5 * 1024 * 1024 * 1024  # all files of one person
FILE_NAME_MAX_CHARS: Final = 150  # 4 bytes each, quoted, still fit a header
ATTACHMENTS_MAX: Final = 10  # files of one message
UPLOADS_MAX: Final = 50  # unfinished uploads of one person
UPLOAD_PARTS_MAX: Final = 2_000  # pieces in which one upload may come
UPLOAD_LIFE_S: Final = 24 * 60 * 60  # to finish an upload, and to send a file that is finished
FILE_LINK_S: Final = 300  # how long a link to a file is good, at least

SEARCH_MAX_CHARS: Final = 200
SEARCH_PAGE_MAX: Final = 50
SEARCH_POOL: Final = 200  # by relevance: the best of so many newest matches

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 200

HELLO_TIMEOUT_S: Final = 10.0  # a socket that has not said hello by then is closed
HEARTBEAT_S: Final = 25.0  # below the 30 s after which common proxies cut idle sockets
HEARTBEAT_MISSED_MAX: Final = 2
TOKEN_GRACE_S: Final = 10.0  # clocks differ a little; also the time to answer `expiring`

SENDS_PER_S: Final = 20.0  # sustained, per connection; bursts of SENDS_BURST
SENDS_BURST: Final = 60
READS_PER_S: Final = 100.0  # of one person, over REST, in one process of api
READS_BURST: Final = 1_000  # a device that syncs everything anew
WRITES_PER_S: Final = 20.0
WRITES_BURST: Final = 300
SEARCHES_PER_S: Final = 2.0
SEARCHES_BURST: Final = 30
REQUESTS_PER_S: Final = 0.02  # contact requests: about one a minute
REQUESTS_BURST: Final = 20
FRAMES_PER_S: Final = 100.0
FRAMES_BURST: Final = 300
SENDS_IN_FLIGHT_MAX: Final = 64  # unanswered sends of one connection

OUTBOX_MAX_FRAMES: Final = 2_048  # frames waiting for one socket before it is a slow consumer
OUTBOX_MAX_BYTES: Final = 1024 * 1024
UNACKED_MAX_EVENTS: Final = 4_096  # events written to one socket and not yet acknowledged
SEND_BATCH_MAX: Final = 64  # messages in one internal request

CLIENTS_MAX: Final = 1_000  # OAuth clients that are no bots: auth holds all of them in memory
BOTS_PER_OWNER_MAX: Final = 20
SECRET_OVERLAP_MAX_S: Final = 30 * 86_400  # for so long a replaced client secret may stay good
