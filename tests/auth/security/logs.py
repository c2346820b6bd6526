"""Statements about logs, metrics and the audit table."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

import aiohttp
import psycopg2
import pytest

from standalone.stack import Stack
from tests.auth import test_audit as audit
from tests.auth import test_service as service
from tests.auth.rig import Rig
from tests.auth.security.statements import Group
from tests.e2e.rawsocket import raw_socket
from tests.support.servers import wait_until
from tests.support.signin import (
    CLIENT_ID,
    Page,
    SignInFailed,
    Tokens,
    browser,
    refresh,
    register,
    sign_in,
)

group = Group("Logs and audit", "L")
together = Group("Logs and audit", "L", "stack")


@group.holds(
    "No password, token, code, cookie or verifier is in auth's log or metrics", "ASVS 7.1.1"
)
async def _auth_alone(rig: Rig, _: Tokens) -> None:
    await service.test_logs_and_metrics_hold_no_secrets(rig)


for _text, _source, _check in (
    ("What somebody typed is in no audit event", "ASVS 7.1.1",
     audit.test_what_was_typed_is_in_no_event),
    ("Sign-ins, refusals and sign-outs are recorded with who, when and from where", "ASVS 7.1.3",
     audit.test_sign_in_refusal_and_sign_out),
    ("The theft of a refresh token is recorded", "ASVS 7.1.3", audit.test_theft_of_a_refresh_token),
    ("The replay of a code is recorded", "ASVS 7.1.3", audit.test_replay_of_a_code),
    ("Events wait while api is away, and are recorded then", "ASVS 7.1.3",
     audit.test_events_wait_while_api_is_away),
):  # fmt: skip
    group.row(_text, _source, _check)


@group.holds("Recorded events cannot be changed or removed", "ASVS 7.3.3")
async def _append_only(rig: Rig, _: Tokens) -> None:
    await wait_until(lambda: _recorded(rig))
    for change in ("UPDATE audit SET what = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(psycopg2.Error, match="append-only"):
            await rig.database.execute(change)
    assert await _recorded(rig)


async def _recorded(rig: Rig) -> bool:
    return bool(await rig.database.fetch_all("SELECT 1 FROM audit WHERE what = 'signed_in'"))


@together.holds(
    "A canary password, token and message are in no log, metric or file of any process",
    "ASVS 7.1.1",
)
async def _canary(stack: Stack) -> None:
    """People sign in rightly and wrongly, talk, are refused; then everything is searched."""
    canary = f"canary{secrets.token_hex(12)}"
    handle = f"bird.{secrets.token_hex(4)}"
    tokens = await register(stack.url, handle, canary, "Bird")
    wrong = f"wrong{canary}"
    with suppress(SignInFailed):
        await sign_in(stack.url, handle, wrong)
    tokens = await refresh(stack.url, tokens)
    text = f"secret{secrets.token_hex(12)}"
    await _talk(stack, tokens, text)
    async with browser(stack.url) as tab:  # into the field above the password's
        page = await tab.open("/connect/signin")
        assert isinstance(page, Page)
        form_token = page.form.fields["form_token"]
        await tab.submit(page.form, handle=canary, password="x")
    async with aiohttp.ClientSession() as http:
        form = {"token": tokens.refresh_token, "client_id": CLIENT_ID}
        async with http.post(f"{stack.url}/connect/revocation", data=form) as response:
            assert response.status == 200
        written = await _metrics(stack, http)
    hidden = {
        "password": canary, "access token": tokens.access_token.rpartition(".")[2],
        "refresh token": tokens.refresh_token, "form token": form_token, "message": text,
        "service secret": stack.client_secret("harness"),
    }  # fmt: skip
    logs = _logs(stack)
    assert tokens.session in "".join(logs.values()), "what is searched is the log of these"
    for name, content in {**logs, **written}.items():
        found = [what for what, secret in hidden.items() if secret in content]
        assert not found, f"{name} holds {found}"


async def _talk(stack: Stack, tokens: Tokens, text: str) -> None:
    async with raw_socket(stack.url) as socket:
        await socket.hello(tokens.access_token)
        headers = {"Authorization": f"Bearer {tokens.access_token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            body = {"kind": "group", "name": "Nest", "members": []}
            async with http.post(f"{stack.url}/v1/conversations", json=body) as response:
                conversation = (await response.json())["id"]
        assert (await socket.send(conversation, secrets.token_hex(8), text))["type"] == "sent"
        await socket.say("nonsense", token=tokens.access_token, text=text)
    async with raw_socket(stack.url) as socket:
        await socket.say("hello", token=tokens.access_token[:-6])
        await socket.closed()


async def _metrics(stack: Stack, http: aiohttp.ClientSession) -> dict[str, str]:
    found = {}
    for name in ("auth-1", "api-1", "gateway-1", "gateway-2", "dispatcher-1"):
        async with http.get(f"{stack.service_url(name)}/metrics") as response:
            found[f"metrics of {name}"] = await response.text()
    return found


def _logs(stack: Stack) -> dict[str, str]:
    """Of all processes, PostgreSQL and Redis and the edge included."""
    folder: Path = stack.folder.log("auth-1").parent
    return {path.name: path.read_text(errors="replace") for path in folder.iterdir()}
