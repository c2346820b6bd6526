"""The people of a row, their conversations, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.api.store.database import Database
from shared.ids import new_id
from tests.access.answers import OUTSIDERS, PEOPLE, Actor
from tests.api.rig import Caller, RunningApi

NO_SEQ: Final = 999_999
LATER: Final = "2100-01-01T00:00:00Z"
# Besides the actors: whom they act upon, another admin, and one who is nowhere.
EXTRAS: Final = ("target", "second_admin", "outsider")


@dataclass
class Scene:
    """A group and direct conversations. Its names, for paths and bodies:

    ``conversation``, ``target`` (an ordinary member, or the other one of a direct conversation),
    ``user`` (the same), ``second_admin``, ``outsider`` (shares nothing with anybody), ``seq`` and
    ``target_seq`` (a message of ``target``), ``own_seq`` (one of the actor, for outsiders again
    target's), ``file`` (what the group's message ``target_seq`` carries), ``no_seq``, ``emoji``,
    ``client_id``, ``fresh`` (a new id each time) and the actors (``member`` …: their ids).
    """

    people: dict[str, Caller]
    group: str
    seqs: dict[str, int]  # in the group
    directs: dict[Actor, tuple[str, int, int]]  # actor → conversation, own seq, target's seq
    file: str  # in the group

    def names(self, actor: Actor, place: str, fill: Mapping[str, str]) -> dict[str, Any]:
        """What the names stand for when ``actor`` calls."""
        if place == "direct":
            conversation, own, seq = self.directs.get(actor, self.directs[Actor.MEMBER])
        else:
            conversation, seq = self.group, self.seqs["target"]
            own = seq if actor in OUTSIDERS else self.seqs.get(actor, seq)
        target = self.people["target"].id
        names: dict[str, Any] = {name: person.id for name, person in self.people.items()}
        names |= {
            "self": self.people[actor].id if actor in self.people else target,
            "place": place, "conversation": conversation, "user": target, "seq": seq,
            "file": self.file, "target_seq": seq, "own_seq": own, "no_seq": NO_SEQ,
            "emoji": "👍", "client_id": "app", "fresh": new_id(),
        }  # fmt: skip
        return names | {name: names[source] for name, source in fill.items()}


def filled(template: Any, names: Mapping[str, Any]) -> Any:
    """The template with its ``{names}`` replaced; a text that is one name becomes its value."""
    if isinstance(template, str):
        if template[:1] == "{" and template[1:-1] in names:
            return names[template[1:-1]]
        return template.format_map(names) if "{" in template else template
    if isinstance(template, Mapping):
        return {key: filled(value, names) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, names) for value in template]
    return template


async def build(api: RunningApi, place: str = "group") -> Scene:
    """New people every time, so that no call sees what another has done."""
    people = await _people(api)
    group = ""
    seqs: dict[str, int] = {}
    directs: dict[Actor, tuple[str, int, int]] = {}
    if place == "direct":
        for actor in (one for one in PEOPLE if one not in OUTSIDERS):
            directs[actor] = await _direct(people[actor], people["target"])
    else:
        group, seqs = await _group(people)
    file = await _file(api.database, people["target"].id, group, seqs) if group else ""
    scene = Scene(people, group, seqs, directs, file)
    await _mute(scene)
    await _block(scene)
    return scene


async def _people(api: RunningApi) -> dict[str, Caller]:
    names = [*PEOPLE, *EXTRAS]
    people = {name: new_id() for name in names}
    await _insert(api.database, list(people.values()))
    return {
        str(name): Caller(api, api.issuer.user_token(user), user) for name, user in people.items()
    }


async def _insert(database: Database, users: list[str]) -> None:
    await database.execute(
        "INSERT INTO users (id, handle, display_name, password_hash)"
        " SELECT id, 'u' || right(id::text, 12), 'Somebody', 'x' FROM unnest(%s::uuid[]) AS i (id)",
        (users,),
    )


async def _group(people: Mapping[str, Caller]) -> tuple[str, dict[str, int]]:
    owner = people[Actor.OWNER]
    inside = [person for name, person in people.items() if name not in ("stranger", "outsider")]
    group = await owner.group_with(*inside)
    seqs = {}
    for name in (*PEOPLE, "target"):
        if name != Actor.STRANGER:
            seqs[str(name)] = (await people[name].say(group))["seq"]
    for admin in (Actor.ADMIN, "second_admin"):
        path = f"/v1/conversations/{group}/members/{people[admin].id}"
        answer = await owner.call("PATCH", path, {"role": "admin"})
        assert answer.status == 204, answer.body
    path = f"/v1/conversations/{group}/members/{people[Actor.FORMER].id}"
    assert (await owner.call("DELETE", path)).status == 204
    return group, seqs


async def _direct(actor: Caller, target: Caller) -> tuple[str, int, int]:
    conversation = await actor.direct_with(target)
    own = (await actor.say(conversation))["seq"]
    return conversation, own, (await target.say(conversation))["seq"]


async def _file(database: Database, user: str, group: str, seqs: Mapping[str, int]) -> str:
    """A picture of no bytes."""
    file = new_id()
    await database.execute(
        "WITH file AS (INSERT INTO files (id, user_id, name, size, finished_at, type, width,"
        " height, thumbnail_size, digest)"
        " VALUES (%s, %s, 'a.png', 0, now(), 'image/png', 1, 1, 0, 'x'))"
        " INSERT INTO attachments VALUES (%s, %s, 0, %s)",
        (file, user, group, seqs["target"], file),
    )
    return file


async def _mute(scene: Scene) -> None:
    """The group's owner silences one."""
    if scene.group:
        muted = scene.people[Actor.MUTED].id
        path = f"/v1/conversations/{scene.group}/members/{muted}/silence"
        answer = await scene.people[Actor.OWNER].call("PUT", path, {"until": LATER})
        assert answer.status == 204, answer.body


async def _block(scene: Scene) -> None:
    """`target` blocks one."""
    path = f"/v1/blocks/{scene.people[Actor.BLOCKED].id}"
    assert (await scene.people["target"].call("PUT", path)).status == 204
