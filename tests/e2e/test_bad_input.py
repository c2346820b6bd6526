"""What strangers, forgers and broken clients get from the whole system, through the edge."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.codes import CloseCode
from shared.ids import new_id
from shared.limits import FRAME_MAX_BYTES, FRAMES_BURST, MESSAGE_MAX_CHARS, SENDS_BURST
from standalone.provision import Person, Provision
from standalone.stack import Stack
from tests.e2e.rawsocket import RawSocket, raw_socket

pytestmark = pytest.mark.slow


@dataclass
class Town:
    """Two people who talk, a stranger, and the way in."""

    url: str
    ada: Person
    bob: Person
    eve: Person
    direct: str  # of ada and bob
    provision: Provision

    async def rest(
        self, person: Person, method: str, path: str, body: Any = None
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {person.access_token}"}
        async with (
            aiohttp.ClientSession(self.url) as http,
            http.request(method, path, json=body, headers=headers) as response,
        ):
            return response.status, await response.json(content_type=None)


@pytest.fixture
async def town(stack: Stack) -> AsyncIterator[Town]:
    async with Provision(
        auth_url=stack.service_url("auth-1"),
        api_url=stack.service_url("api-1"),
        client_id="harness",
        client_secret=stack.client_secret("harness"),
    ) as provision:
        ada, bob, eve = await provision.people(3)
        [direct] = await provision.directs([(ada, bob)])
        yield Town(stack.url, ada, bob, eve, direct, provision)


@pytest.fixture
async def ada(town: Town) -> AsyncIterator[RawSocket]:
    async with raw_socket(town.url) as socket:
        await socket.hello(town.ada.access_token)
        yield socket


@pytest.fixture
async def eve(town: Town) -> AsyncIterator[RawSocket]:
    async with raw_socket(town.url) as socket:
        await socket.hello(town.eve.access_token)
        yield socket


async def test_a_stranger_can_neither_send_nor_read_nor_acknowledge(
    town: Town, eve: RawSocket
) -> None:
    refused = await eve.send(town.direct, "m1", "let me in")
    assert (refused["type"], refused["code"]) == ("refused", "not_found")
    nowhere = await eve.send(new_id(), "m2", "anyone?")
    assert nowhere["message"] == refused["message"]  # the same as for what does not exist
    await eve.say("ack", n=1)
    assert (await eve.hear("error"))["field"] == "n"
    base = f"/v1/conversations/{town.direct}"
    for method, path, body in (
        ("GET", base, None),
        ("GET", f"{base}/events", None),
        ("GET", f"{base}/members", None),
        ("PATCH", base, {"name": "mine"}),
        ("POST", f"{base}/members", {"users": [town.eve.user]}),
        ("POST", f"{base}/messages", {"client_msg_id": "x", "body": {"text": "x"}}),
        ("POST", f"{base}/receipts", {"read_seq": 1}),
        ("POST", f"{base}/leave", None),
    ):
        status, answer = await town.rest(town.eve, method, path, body)
        assert (status, answer["code"]) == (404, "not_found"), (method, path)


def forgeries(token: str) -> dict[str, str]:
    """Tokens that nobody issued, made after a real one."""
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    own_key = ec.generate_private_key(ec.SECP256R1())

    def signed(**changes: Any) -> str:
        return jwt.encode(claims | changes, own_key, "ES256", headers=header)

    return {
        "signed with another key": signed(),
        "unsigned": jwt.encode(claims, None, "none", headers=header | {"alg": "none"}),
        "expired": signed(exp=int(time.time()) - 60),
        "for another audience": signed(aud="internal"),
        "cut": token[:-4],
        "empty": "",
    }


async def test_forged_tokens_open_no_socket_and_no_route(town: Town) -> None:
    for name, token in forgeries(town.ada.access_token).items():
        async with raw_socket(town.url) as socket:
            await socket.say("hello", token=token)
            refused = CloseCode.UNAUTHENTICATED if token else CloseCode.BAD_FRAME
            assert await socket.closed() == refused, name
        forger = Person(town.ada.user, "forger", "", "", token)
        status, answer = await town.rest(forger, "GET", "/v1/me")
        assert (status, answer["code"]) == (401, "unauthenticated"), name


async def test_service_tokens_are_not_for_people_and_the_other_way_round(
    town: Town, stack: Stack
) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{town.url}/connect/token",
            data={"grant_type": "client_credentials"},
            headers={
                "Authorization": aiohttp.encode_basic_auth(
                    "harness", stack.client_secret("harness")
                )
            },
        ) as response,
    ):
        token = (await response.json())["access_token"]
    async with raw_socket(town.url) as socket:
        await socket.say("hello", token=token)
        assert await socket.closed() == CloseCode.UNAUTHENTICATED
    headers = {"Authorization": f"Bearer {town.ada.access_token}"}
    async with (
        aiohttp.ClientSession(stack.service_url("api-1"), headers=headers) as http,
        http.post("/internal/v1/heads", json={"users": [], "cursor": ""}) as response,
    ):
        assert response.status == 401


async def test_what_is_internal_is_not_reachable_from_outside(town: Town) -> None:
    async with aiohttp.ClientSession(town.url) as http:
        for path in ("/internal/v1/accounts", "/internal", "/metrics", "/readyz", "/healthz",
                     "/v1/../internal/v1/heads", "/v1/..%2finternal/v1/heads"):  # fmt: skip
            async with http.get(path) as response:
                assert response.status in (400, 401, 404), path
                assert "accounts" not in await response.text()


async def test_pages_of_other_sites_cannot_open_a_socket(town: Town) -> None:
    for origin in ("https://elsewhere.example", "null", town.url.replace("http", "https")):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with raw_socket(town.url, Origin=origin):
                pass
        assert caught.value.status == 403
    async with raw_socket(town.url, Origin=town.url) as socket:
        await socket.hello(town.ada.access_token)


async def test_an_unknown_frame_is_told_and_the_connection_goes_on(
    town: Town, ada: RawSocket
) -> None:
    await ada.say("dance", with_="me")
    assert (await ada.hear("error"))["code"] == "unknown_frame"
    assert (await ada.send(town.direct, "after", "still here"))["type"] == "sent"


@pytest.mark.parametrize("bad", ["x" * (FRAME_MAX_BYTES + 1), "{", '"hello"', b"\xff\xfe"])
async def test_what_is_no_frame_closes_the_socket(ada: RawSocket, bad: str | bytes) -> None:
    if isinstance(bad, bytes):
        await ada.socket.send_frame(bad, aiohttp.WSMsgType.TEXT)  # not UTF-8
    else:
        await ada.socket.send_str(bad)
    # aiohttp itself answers 1009 and 1007 where the frame cannot even be read.
    assert await ada.closed() in (CloseCode.BAD_FRAME, 1009, 1007)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": ""}, "body.text"),
        ({"text": " \n\u200b"}, "body.text"),
        ({"text": "字" * (MESSAGE_MAX_CHARS + 1)}, "body.text"),
        ({"text": 5}, "body.text"),
        ({}, "body.text"),
        ({"text": "x", "html": "<b>"}, "body.html"),
        ({"text": "a\u0000b"}, "body.text"),
    ],
)
async def test_a_bad_body_is_refused_with_its_field(
    town: Town, ada: RawSocket, body: dict[str, Any], field: str
) -> None:
    await ada.say("send", id="bad", conversation=town.direct, body=body)
    refused = await ada.hear("refused", "sent")
    assert (refused["type"], refused["id"], refused["field"]) == ("refused", "bad", field)


async def test_a_flood_of_messages_is_refused_with_a_time_and_nothing_is_lost(
    town: Town, ada: RawSocket
) -> None:
    count = SENDS_BURST * 2
    for n in range(count):
        await ada.say("send", id=f"f{n}", conversation=town.direct, body={"text": str(n)})
    answers = [await ada.hear("sent", "refused") for _ in range(count)]
    refused = [answer for answer in answers if answer["type"] == "refused"]
    sent = {answer["id"] for answer in answers if answer["type"] == "sent"}
    assert refused
    assert all(a["code"] == "rate_limited" and a["retry_after_ms"] > 0 for a in refused)
    _, page = await town.rest(town.ada, "GET", f"/v1/conversations/{town.direct}/events?limit=200")
    stored = {event["client_msg_id"] for event in page["events"] if event["kind"] == "message"}
    assert stored == sent


async def test_a_flood_of_frames_closes_the_socket(ada: RawSocket) -> None:
    for _ in range(FRAMES_BURST * 2):
        await ada.say("pong")
    assert await ada.closed() == CloseCode.FLOOD


async def test_a_seq_from_the_future_changes_nothing(town: Town, ada: RawSocket) -> None:
    path = f"/v1/conversations/{town.direct}"
    await ada.say("read", conversation=town.direct, seq=10**12)
    status, answer = await town.rest(town.ada, "POST", f"{path}/receipts", {"read_seq": 10**12})
    assert (status, answer["field"]) == (422, "read_seq")
    _, conversation = await town.rest(town.ada, "GET", path)
    assert conversation["read_seq"] <= conversation["head_seq"]


async def test_anothers_client_msg_id_is_not_mine(town: Town, ada: RawSocket) -> None:
    first = await ada.send(town.direct, "shared-id", "from ada")
    async with raw_socket(town.url) as bob:
        await bob.hello(town.bob.access_token)
        second = await bob.send(town.direct, "shared-id", "from bob")
    again = await ada.send(town.direct, "shared-id", "from ada, once more")
    assert second["seq"] != first["seq"]
    assert "repeat" not in second
    assert (again["seq"], again["repeat"]) == (first["seq"], True)


async def test_an_id_used_elsewhere_is_refused(town: Town, ada: RawSocket) -> None:
    group = await town.provision.group(town.ada, [town.bob, town.eve])
    await ada.send(town.direct, "once", "here")
    refused = await ada.send(group, "once", "there")
    assert refused["code"] == "reused_client_msg_id"


async def test_two_devices_at_once_see_the_same(town: Town, ada: RawSocket) -> None:
    device = await town.provision.device(town.ada)
    async with raw_socket(town.url) as other, raw_socket(town.url) as bob:
        await other.hello(device.access_token)
        await bob.hello(town.bob.access_token)
        sent = await ada.send(town.direct, "from-first-device", "hi")
        assert (await other.hear("event"))["seq"] == sent["seq"]
        answer = await bob.send(town.direct, "answer", "hello")
        for socket in (ada, other):
            assert (await socket.hear("event"))["seq"] == answer["seq"]


async def test_a_client_whose_clock_is_wrong_is_served_like_any_other(
    town: Town, ada: RawSocket
) -> None:
    """Times in frames are ignored; the server's count."""
    before = time.time()
    await ada.say("send", id="late", conversation=town.direct, body={"text": "x"},
                  time="1999-01-01T00:00:00Z")  # fmt: skip
    sent = await ada.hear("sent", "refused")
    assert sent["type"] == "sent"
    assert sent["time"] > time.strftime("%Y-%m-%dT%H:%M", time.gmtime(before - 60))
