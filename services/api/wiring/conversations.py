"""How the parts about conversations hang together."""

from __future__ import annotations

from services.api.batcher import Batcher
from services.api.endpoint import Endpoint
from services.api.handlers.conversations import Announcer
from services.api.handlers.groups import GroupHandlers
from services.api.handlers.invites import InviteHandlers
from services.api.handlers.joining import JoiningHandlers
from services.api.handlers.moderation import ModerationHandlers
from services.api.handlers.read_receipts import ReadReceiptHandlers
from services.api.handlers.threads import ThreadHandlers
from services.api.store.channels import Channels
from services.api.store.conversations import Conversations
from services.api.store.database import Database
from services.api.store.forwards import Forwards
from services.api.store.groups import Groups
from services.api.store.invites import Invites
from services.api.store.joining import Joining
from services.api.store.member_settings import MemberSettings
from services.api.store.moderation import Moderation
from services.api.store.read_receipts import ReadReceipts
from services.api.store.snapshots import Snapshots
from services.api.store.threads import Threads
from services.api.store.users import Users


def endpoints(
    database: Database, users: Users, announce: Announcer, batcher: Batcher
) -> list[Endpoint]:
    """The operations that make groups what they are."""
    joining = Joining(database)
    groups = GroupHandlers(
        Groups(database), MemberSettings(database), Conversations(database), announce
    )
    threads = ThreadHandlers(
        Threads(database), Snapshots(database), Forwards(database), batcher, announce
    )
    return [
        *groups.endpoints(),
        *ModerationHandlers(Moderation(database), users, announce).endpoints(),
        *JoiningHandlers(Channels(database), joining, announce).endpoints(),
        *InviteHandlers(Invites(database, joining), announce).endpoints(),
        *threads.endpoints(),
        *ReadReceiptHandlers(ReadReceipts(database)).endpoints(),
    ]
