"""The public edge: OpenAPI, bad input by field, tokens, problems."""

from __future__ import annotations

import re
import time
from io import BytesIO
from typing import Any

import pytest
from marshmallow import RAISE, Schema

from services.api import schemas
from services.api.app import create_app
from services.api.settings import ApiSettings
from shared.ids import new_id
from tests.api.rig import Caller, RunningApi

MISSING = "00000000-0000-7000-8000-000000000000"


def fits(schema: type[Schema], content: Any) -> None:
    """Fail unless an answer is exactly what its schema says."""
    assert schema(unknown=RAISE).validate(content) == {}


async def test_every_public_route_is_in_the_openapi_document(
    api: RunningApi, settings: ApiSettings
) -> None:
    document = await api.nobody().get("/v1/openapi.json")
    assert document["openapi"] == "3.1.0"
    documented = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    served = {
        (route.method, route.resource.canonical)
        for route in create_app(settings).router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/v1/")
        # the router adds HEAD to every GET
        and (route.method != "HEAD" or route.resource.canonical == "/v1/uploads/{upload}")
    }
    assert documented == served
    assert len(served) > 15
    names = [op["operationId"] for item in document["paths"].values() for op in item.values()]
    assert len(names) == len(set(names))


async def test_every_reference_in_the_document_leads_somewhere(api: RunningApi) -> None:
    document = await api.nobody().get("/v1/openapi.json")

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [ref for value in node.values() for ref in references(value)]
        return [ref for item in node for ref in references(item)] if isinstance(node, list) else []

    found = references(document)
    assert "#/components/schemas/Problem" in found
    for reference in found:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


async def test_answers_fit_their_schemas(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    direct = await ada.direct_with(bob)
    group = await ada.group_with(bob)
    sent = await ada.say(direct)
    fits(schemas.Sent, sent)
    fits(schemas.Me, await ada.get("/v1/me"))
    fits(schemas.UserList, await ada.get("/v1/users", ids=f"{ada.id},{bob.id}"))
    for conversation in (direct, group):
        fits(schemas.Conversation, await ada.get(f"/v1/conversations/{conversation}"))
        page = await bob.get(f"/v1/conversations/{conversation}/events")
        fits(schemas.EventPage, page)
        assert page["events"]
        fits(schemas.MemberPage, await ada.get(f"/v1/conversations/{conversation}/members"))
    fits(schemas.ConversationPage, await bob.get("/v1/conversations"))
    cursor = (await bob.sync())["cursor"]
    await ada.call("DELETE", f"/v1/conversations/{group}/members/{bob.id}")
    page = await bob.sync(cursor)
    assert {one["state"] for one in page["conversations"]} == {"member", "left"}
    for one in page["conversations"]:
        if one["state"] == "member":
            fits(schemas.SyncedConversation, one)
        else:
            assert one.keys() == {"id", "state"}
    limits = await api.nobody().get("/v1/limits")
    assert limits["message_max_chars"] == 8000


async def test_a_public_document_needs_no_token_and_all_else_does(api: RunningApi) -> None:
    document = await api.nobody().get("/v1/openapi.json")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            url = path.replace("{seq}", "1").replace("{emoji}", "👍")
            url = re.sub(r"{\w+}", lambda _: new_id(), url)
            answer = await api.nobody().call(method.upper(), url)
            if method == "head":  # has no body to look into
                assert answer.status == 401
            elif operation["security"]:
                assert answer.refusal[:2] == (401, "unauthenticated")
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            else:  # some lead to nothing without a secret of their own
                assert answer.status in (200, 204, 404)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "internal"},
        {"iss": "https://elsewhere.example"},
        {"exp": 1},
        {"sub": "not-a-user-id"},
        {"jti": None},
        {"nbf": time.time() + 1000},
    ],
)
async def test_a_wrong_token_is_not_accepted(api: RunningApi, claims: dict[str, Any]) -> None:
    ada = await api.person()
    wrong = Caller(api, api.issuer.user_token(ada.id, **claims))
    assert (await wrong.call("GET", "/v1/me")).refusal[:2] == (401, "unauthenticated")


async def test_a_token_without_the_chat_scope_is_forbidden(api: RunningApi) -> None:
    ada = await api.person()
    narrow = Caller(api, api.issuer.user_token(ada.id, scope="openid"))
    assert (await narrow.call("GET", "/v1/me")).refusal[:2] == (403, "forbidden")


TEXT = {"text": "hi"}
BAD_INPUT = [
    ("POST", "/v1/conversations", {}, "kind"),
    ("POST", "/v1/conversations", {"kind": "inbox"}, "kind"),
    ("POST", "/v1/conversations", {"kind": "direct"}, "user"),
    ("POST", "/v1/conversations", {"kind": "direct", "user": "me"}, "user"),
    ("POST", "/v1/conversations", {"kind": "direct", "user": MISSING}, "user"),
    ("POST", "/v1/conversations", {"kind": "direct", "user": MISSING, "name": "x"}, "name"),
    ("POST", "/v1/conversations", {"kind": "group", "name": "x", "user": MISSING}, "user"),
    ("POST", "/v1/conversations", {"kind": "group"}, "name"),
    ("POST", "/v1/conversations", {"kind": "group", "name": " "}, "name"),
    ("POST", "/v1/conversations", {"kind": "group", "name": "x" * 101}, "name"),
    ("POST", "/v1/conversations", {"kind": "group", "name": "a\0"}, "name"),
    ("POST", "/v1/conversations", {"kind": "group", "name": "x", "members": "u"}, "members"),
    ("POST", "/v1/conversations", {"kind": "group", "name": "x", "members": ["u"]}, "members.0"),
    ("POST", "/v1/conversations", {"kind": "group", "name": "x", "members": [MISSING]}, "members"),
    ("POST", "/v1/conversations", {"kind": "group", "name": "x", "colour": 1}, "colour"),
    ("POST", "/v1/conversations", b"[1]", ""),
    ("POST", "/v1/conversations", b"{", "body"),
    ("POST", "/v1/conversations", b"\xff", "body"),
    ("POST", "/v1/conversations", b"[" * 100_000, "body"),
    ("POST", "/v1/conversations", b'{"kind": NaN}', "body"),
    ("PATCH", "/v1/conversations/{group}", {"name": ""}, "name"),
    ("PATCH", "/v1/conversations/{group}", {"name": None}, "name"),
    ("POST", "/v1/conversations/{group}/members", {"users": []}, "users"),
    ("POST", "/v1/conversations/{group}/members", {"users": [MISSING]}, "users"),
    ("POST", "/v1/conversations/{group}/members", {"users": [MISSING] * 101}, "users"),
    ("PATCH", "/v1/conversations/{group}/members/{user}", {"role": "owner"}, "role"),
    ("POST", "/v1/conversations/{group}/owner", {"user": 5}, "user"),
    ("POST", "/v1/conversations/{group}/messages", {"body": TEXT}, "client_msg_id"),
    ("POST", "/v1/conversations/{group}/messages", {"client_msg_id": "", "body": TEXT},
     "client_msg_id"),
    ("POST", "/v1/conversations/{group}/messages", {"client_msg_id": "x" * 65, "body": TEXT},
     "client_msg_id"),
    ("POST", "/v1/conversations/{group}/messages", {"client_msg_id": "a\0", "body": TEXT},
     "client_msg_id"),
    ("POST", "/v1/conversations/{group}/messages", {"client_msg_id": "a", "body": "hi"}, "body"),
    ("POST", "/v1/conversations/{group}/messages", {"client_msg_id": "a", "body": {}},
     "body.text"),
    ("POST", "/v1/conversations/{group}/messages", {"client_msg_id": "a", "body": {"text": "\n"}},
     "body.text"),
    ("POST", "/v1/conversations/{group}/messages",
     b'{"client_msg_id": "a", "body": {"text": "\\ud800"}}', "body.text"),
    ("POST", "/v1/conversations/{group}/messages",
     {"client_msg_id": "a", "body": TEXT | {"html": "x"}}, "body.html"),
    ("POST", "/v1/conversations/{group}/receipts", {}, "read_seq"),
    ("POST", "/v1/conversations/{group}/receipts", {"read_seq": 0}, "read_seq"),
    ("POST", "/v1/conversations/{group}/receipts", {"read_seq": 1.5}, "read_seq"),
    ("POST", "/v1/conversations/{group}/receipts", {"read_seq": 10**30}, "read_seq"),
    ("POST", "/v1/conversations/{group}/receipts", {"read_seq": 2}, "read_seq"),
    ("POST", "/v1/conversations/{group}/receipts", {"delivered_seq": 2}, "delivered_seq"),
    ("GET", "/v1/conversations?limit=0", None, "limit"),
    ("GET", "/v1/conversations?limit=201", None, "limit"),
    ("GET", "/v1/conversations?after=x", None, "after"),
    ("GET", "/v1/conversations/{group}/events?after_seq=-1", None, "after_seq"),
    ("GET", "/v1/conversations/{group}/events?after_seq=x", None, "after_seq"),
    ("GET", "/v1/conversations/{group}/events?after_seq=1&before_seq=3", None, "before_seq"),
    ("GET", "/v1/users", None, "handle"),
    ("GET", "/v1/users?ids=x", None, "ids"),
    ("GET", "/v1/sync?cursor=what", None, "cursor"),
    ("GET", "/v1/sync?cursor=WzEsMiwzLDRd", None, "cursor"),
    ("GET", "/v1/sync?cursor=é", None, "cursor"),
]  # fmt: skip


async def test_bad_input_is_refused_by_its_field(api: RunningApi) -> None:
    ada = await api.person()
    group = await ada.group_with()
    for method, path, body, field in BAD_INPUT:
        url = path.replace("{group}", group).replace("{user}", ada.id)
        answer = await ada.call(method, url, body)
        assert answer.refusal == (422, "invalid", field), (method, path, body, answer.body)


async def test_unknown_paths_and_methods_are_problems_too(api: RunningApi) -> None:
    ada = await api.person()
    assert (await ada.call("GET", "/v1/nothing")).refusal[:2] == (404, "not_found")
    answer = await ada.call("PUT", "/v1/me")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert (await ada.call("POST", "/v1/conversations", BytesIO(b"x" * 2_000_000))).refusal[
        0
    ] == 413


async def test_people_are_found_by_their_exact_handle(api: RunningApi) -> None:
    ada = await api.person("ada")
    await api.person("adam")
    found = await ada.get("/v1/users", handle=" @ADA ")
    assert [user["id"] for user in found["users"]] == [ada.id]
    assert (await ada.get("/v1/users", handle="ad"))["users"] == []
    assert (await ada.get(f"/v1/users/{ada.id}"))["handle"] == "ada"
    assert (await ada.call("GET", f"/v1/users/{new_id()}")).refusal[0] == 404
    assert (await ada.call("GET", "/v1/users/x")).refusal[0] == 404
