"""``/v1/me``: one's own profile; ``/v1/users/{user}``: that of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer
from services.api.handlers.versions import MATCH_HEADER, etag, expected_version
from services.api.news import News
from services.api.schemas.profiles import flat
from services.api.store.profiles import Own, Profile, Profiles
from shared import frames
from shared.codes import ErrorCode
from shared.problems import Problem

# What others see: a change of these is told to whoever has the person before their eyes.
_FACE: Final = ("display_name", "avatar", "status")


def profile_json(profile: Profile) -> dict[str, Any]:
    """As schema Profile."""
    return {name: value for name, value in asdict(profile).items() if value not in (None, "")}


def me_json(own: Own) -> dict[str, Any]:
    """As schema Me."""
    result = profile_json(own.profile)
    result |= {"version": own.version, "privacy": asdict(own.privacy)}
    return result | ({"phone": own.phone} if own.phone else {})


class ProfileHandlers:
    """Profiles."""

    def __init__(self, profiles: Profiles, announce: Announcer, news: News) -> None:
        self._profiles = profiles
        self._announce = announce
        self._news = news

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        return [
            Endpoint(
                method="GET", path="/v1/me", name="getMe",
                summary="One's own profile; its version is the answer's ETag",
                handler=self.me, answer=schemas.Me,
            ),
            Endpoint(
                method="PATCH", path="/v1/me", name="changeMe",
                summary="Change one's profile and who may see and reach one",
                handler=self.change, body=schemas.ChangedProfile, answer=schemas.Me,
                refusals=(ErrorCode.STALE,),
                headers={MATCH_HEADER: "the ETag of the version that one has seen"},
            ),
            Endpoint(
                method="GET", path="/v1/users/{user}", name="getUser",
                summary="One person, as the caller sees them",
                handler=self.one, answer=schemas.Profile, refusals=(ErrorCode.NOT_FOUND,),
            ),
        ]  # fmt: skip

    async def me(self, call: Call) -> Reply:
        """GET /v1/me"""
        own = await self._profiles.own(call.user)
        if own is None:
            raise Problem(ErrorCode.UNAUTHENTICATED, "This account is gone.")
        return _with_version(own)

    async def change(self, call: Call) -> Reply:
        """PATCH /v1/me"""
        expected = expected_version(call)
        before, after, written = await self._profiles.change(
            call.user, flat(call.body), dict(call.body), expected
        )
        if self._announce(written):
            face, former = profile_json(after.profile), profile_json(before.profile)
            told = any(face.get(name) != former.get(name) for name in _FACE)
            if told or before.privacy.presence != after.privacy.presence:
                self._news.of([call.user], _frame(after.profile) if told else b"")
        return _with_version(after)

    async def one(self, call: Call) -> Reply:
        """GET /v1/users/{user}"""
        return Reply(profile_json(await self._profiles.seen_by(call.user, call.path["user"])))


def _with_version(own: Own) -> Reply:
    return Reply(me_json(own), headers=etag(own.version))


def _frame(profile: Profile) -> bytes:
    status = profile.status
    return frames.encode(
        frames.Person(
            user=profile.id,
            display_name=profile.display_name,
            avatar=profile.avatar,
            status=frames.PersonStatus(status.text, status.emoji, status.until) if status else None,
        )
    )
