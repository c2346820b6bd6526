"""How the parts about people hang together."""

from __future__ import annotations

from aiohttp import web

from services.api.endpoint import Endpoint
from services.api.handlers.contacts import ContactHandlers
from services.api.handlers.conversations import Announcer
from services.api.handlers.internal_people import Guard, InternalPeopleHandlers
from services.api.handlers.people import PeopleHandlers
from services.api.handlers.profiles import ProfileHandlers
from services.api.news import News
from services.api.store.blocks import Blocks
from services.api.store.contacts import Contacts
from services.api.store.database import Database
from services.api.store.people import People
from services.api.store.profiles import Profiles
from services.api.store.users import Users
from services.api.store.visibility import Visibilities


def endpoints(database: Database, users: Users, announce: Announcer, news: News) -> list[Endpoint]:
    """The operations that are about people."""
    return [
        *ProfileHandlers(Profiles(database), announce, news).endpoints(),
        *PeopleHandlers(users, People(database)).endpoints(),
        *ContactHandlers(Contacts(database), Blocks(database), announce, news).endpoints(),
    ]


def internal_routes(database: Database, guard: Guard) -> list[web.RouteDef]:
    """What other services ask about people."""
    return InternalPeopleHandlers(guard, Visibilities(database), Profiles(database)).routes()
