"""The table's rows for REST and for the routes between services, against a running api."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.api.app import create_app
from services.api.settings import ApiSettings
from services.api.wiring.services import ON_BEHALF
from shared import internal
from shared.administration import SCOPE_ADMIN
from shared.codes import ErrorCode
from shared.ids import new_id
from tests.access.answers import OUTSIDERS, PEOPLE, Actor, Expected
from tests.access.row import Row
from tests.access.scene import Scene, build, filled
from tests.access.table import rows
from tests.api.rig import Answer, Caller, RunningApi

TABLE = [row for row in rows() if isinstance(row, Row)]
SCOPES = [value for name, value in vars(internal).items() if name.startswith("SCOPE_")]
SCOPES.append(SCOPE_ADMIN)


def served(settings: ApiSettings) -> Iterator[tuple[str, str]]:
    """(method, path) of every route that api has for others."""
    for route in create_app(settings).router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        on_behalf = path.startswith(ON_BEHALF)  # the same operations: see tests/api/test_services
        if path.startswith(("/v1/", "/internal/")) and not on_behalf and route.method != "HEAD":
            yield route.method, path


async def test_every_route_has_a_row_and_every_row_a_route(settings: ApiSettings) -> None:
    in_table = {(row.method, row.path) for row in TABLE}
    routes = set(served(settings))
    assert len(routes) > 30
    assert routes - in_table == set(), "routes without a row in tests/access/table"
    assert in_table - routes == set(), "rows without a route"


def test_every_row_says_what_everybody_is_answered() -> None:
    for row in TABLE:
        wanted = {Actor.ANONYMOUS, *PEOPLE, Actor.NARROW_SERVICE}
        wanted |= {Actor.SERVICE} if row.path.startswith("/internal/") else set()
        assert row.answers.keys() == wanted, row
        assert row.scope in (SCOPES if Actor.SERVICE in wanted else [""]), row
    assert len({str(row) for row in TABLE}) == len(TABLE), "two rows of a route need notes"


@pytest.mark.parametrize("row", TABLE, ids=str)
async def test_everybody_is_answered_as_the_table_says(api: RunningApi, row: Row) -> None:
    scene = await build(api, row.place)
    wrong = []
    for actor, expected in row.answers.items():
        got = [
            await _answer(api, scene, row, actor, scope)
            for scope in (_other_scopes(row) if actor is Actor.NARROW_SERVICE else [row.scope])
        ]
        wrong += [
            f"{actor}: {one.body!r}, not {expected}" for one in got if not fits(one, expected)
        ]
        if expected is ErrorCode.NOT_FOUND and actor in OUTSIDERS and "{conversation}" in row.path:
            await _is_as_if_it_did_not_exist(api, scene, row, actor, got[0])
        if isinstance(expected, int) and row.method != "GET":
            scene = await build(api, row.place)  # it has been changed
    assert not wrong, wrong


def fits(answer: Answer, expected: Expected) -> bool:
    """Whether the answer is the expected success or refusal."""
    if isinstance(expected, ErrorCode):
        return answer.status == expected.status and answer.refusal[1] == expected
    return answer.status == expected


async def _answer(
    api: RunningApi, scene: Scene, row: Row, actor: Actor, scope: str, **other: str
) -> Answer:
    names = scene.names(actor, row.place, row.fill) | other
    headers = {name: filled(value, names) for name, value in row.headers.items()}
    return await _caller(api, scene, actor, scope).call(
        row.method, row.path.format_map(names), filled(row.body, names),
        params=filled(row.query, names), headers=headers,
    )  # fmt: skip


def _caller(api: RunningApi, scene: Scene, actor: Actor, scope: str) -> Caller:
    if actor is Actor.ANONYMOUS:
        return api.nobody()
    if actor in (Actor.SERVICE, Actor.NARROW_SERVICE):
        return api.service(scope)
    return scene.people[actor]


def _other_scopes(row: Row) -> list[str]:
    return [scope for scope in SCOPES if scope != row.scope]


async def _is_as_if_it_did_not_exist(
    api: RunningApi, scene: Scene, row: Row, actor: Actor, refused: Answer
) -> None:
    """Down to the words."""
    nothing = await _answer(api, scene, row, actor, "", conversation=new_id())
    assert _words(nothing) == _words(refused), (row, actor)


def _words(answer: Answer) -> dict[str, Any]:
    document: dict[str, Any] = answer.json
    del document["request_id"]
    return document
