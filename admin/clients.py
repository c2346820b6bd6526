"""``clients``: the applications and services that may ask auth for tokens, and operators' bots."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any, Final

import aiohttp
import msgspec

from admin.errors import AdminError, NotFound, Unreachable
from admin.groups import Groups, add_page
from admin.operator import Operator
from shared.service_client import ApiUnavailable, ServiceTokens

BASE: Final = "/internal/v1"
OPERATOR_HEADER: Final = "Agileim-Operator"
COLUMNS: Final = ("client_id", "name", "kind", "source", "disabled", "grants", "scopes")
KINDS: Final = ("web", "desktop", "terminal", "third_party", "service")
_LISTS: Final = ("redirect_uris", "post_logout_redirect_uris", "grants", "scopes")


def add(groups: Groups) -> None:
    """The commands of this module."""
    group = groups.group("client", "applications and services that ask for tokens")
    add_page(group.command("list", list_clients, "list all but bots"))
    group.command("show", show, "show one").add_argument("client")
    one = group.command("create", create, "register one; shows its secret, once", changes=True)
    one.add_argument("client", help="its client_id")
    one.add_argument("--kind", choices=KINDS, required=True)
    one.add_argument("--name", required=True, help="as people see it")
    _add_fields(one)
    one = group.command("update", update, "change one", changes=True)
    one.add_argument("client")
    one.add_argument("--name", help="as people see it")
    _add_fields(one)
    for name, text in (("disable", "let it get no tokens"), ("enable", "let it get tokens again")):
        group.command(name, switch, text, changes=True).add_argument("client")
    one = group.command("rotate-secret", rotate, "make another secret; shown once", changes=True)
    one.add_argument("client", help="its client_id; of a bot its user id")
    one.add_argument(
        "--overlap", type=int, default=86_400, metavar="S",
        help="for how long the secret of before stays good (86400)",
    )  # fmt: skip
    one = group.command("revoke-secret", revoke, "take a secret back at once", changes=True)
    one.add_argument("client", help="its client_id; of a bot its user id")
    one.add_argument("secret", help="the secret's id")
    one = group.command("delete", delete, "remove one, with its secrets; a bot ends for good",
                        changes=True, confirm="Remove it?")  # fmt: skip
    one.add_argument("client", help="its client_id; of a bot its user id")
    one = group.command("create-bot", create_bot, "make a bot; shows its secret, once",
                        changes=True)  # fmt: skip
    one.add_argument("handle")
    one.add_argument("display_name")
    one.add_argument("--owner", default="", metavar="USER", help="id of the person it belongs to")


def _add_fields(parser: ArgumentParser) -> None:
    for name in _LISTS:
        option = f"--{name.removesuffix('s').replace('_', '-')}"
        parser.add_argument(option, dest=name, action="append", help="may be given several times")
    parser.add_argument("--auth-method", help="none, client_secret_basic or client_secret_post")


async def list_clients(options: Namespace, operator: Operator) -> None:
    """client list"""
    page = await ask_auth(operator, "GET", "/clients", limit=options.limit, after=options.after)
    operator.out.rows(COLUMNS, page["clients"])
    if page["next"]:
        operator.out.remark(f"more: --after {page['next']}")


async def show(options: Namespace, operator: Operator) -> None:
    """client show"""
    operator.out.record(await ask_auth(operator, "GET", f"/clients/{options.client}"))


async def create(options: Namespace, operator: Operator) -> None:
    """client create"""
    body = {"client_id": options.client, "kind": options.kind, **_fields(options)}
    made = await ask_auth(operator, "POST", "/clients", body)
    _tell(operator, f"{made['client_id']} is registered.", made)


async def update(options: Namespace, operator: Operator) -> None:
    """client update"""
    made = await ask_auth(operator, "PATCH", f"/clients/{options.client}", _fields(options))
    operator.out.record(made)


async def switch(options: Namespace, operator: Operator) -> None:
    """client disable, client enable"""
    disabled = options.verb == "disable"
    body = {"disabled": disabled}
    made = await ask_auth(operator, "PATCH", f"/clients/{options.client}", body)
    operator.out.done(
        f"{made['client_id']} is {'disabled' if disabled else 'enabled'}.", client=options.client
    )


async def rotate(options: Namespace, operator: Operator) -> None:
    """client rotate-secret"""
    body = {"overlap_s": options.overlap}
    made = await ask_auth(operator, "POST", f"/clients/{options.client}/secrets", body)
    _tell(operator, f"{options.client} has another secret.", made)


async def revoke(options: Namespace, operator: Operator) -> None:
    """client revoke-secret"""
    await ask_auth(operator, "DELETE", f"/clients/{options.client}/secrets/{options.secret}")
    operator.out.done("The secret is good no more.", client=options.client, secret=options.secret)


async def delete(options: Namespace, operator: Operator) -> None:
    """client delete"""
    await ask_auth(operator, "DELETE", f"/clients/{options.client}")
    operator.out.done(f"{options.client} is gone.", client=options.client)


async def create_bot(options: Namespace, operator: Operator) -> None:
    """client create-bot"""
    body = {
        "handle": options.handle, "display_name": options.display_name, "owner": options.owner,
    }  # fmt: skip
    made = await ask_auth(operator, "POST", "/bots", body)
    _tell(operator, f"@{made['handle']} is made; its client id is {made['id']}.", made)


def _fields(options: Namespace) -> dict[str, Any]:
    names = ("name", "auth_method", *_LISTS)
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _tell(operator: Operator, sentence: str, made: dict[str, Any]) -> None:
    secret = made.get("secret")
    if secret and not operator.out.as_json:
        sentence += f"\nIts secret, shown this once: {secret}"
    operator.out.done(sentence, **made)


async def ask_auth(
    operator: Operator, method: str, path: str, body: Any = None, **params: str | int
) -> dict[str, Any]:
    """Ask auth. Raises AdminError."""
    own = operator.settings
    own.need("auth_url", "client_secret")
    http = await operator.http()
    by = " ".join(filter(None, (operator.by.operator, operator.by.reason)))
    try:
        token = await ServiceTokens(own.auth_url, own.client_id, own.client_secret, http).token()
        async with http.request(
            method,
            f"{own.auth_url}{BASE}{path}",
            json=body,
            params={name: value for name, value in params.items() if value != ""},
            headers={
                "Authorization": f"Bearer {token}",
                OPERATOR_HEADER: by.encode("ascii", "replace").decode(),
            },
            timeout=aiohttp.ClientTimeout(total=own.timeout_s),
        ) as answer:
            content = await answer.read()
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, ApiUnavailable) as error:
        raise Unreachable(f"auth does not answer: {error}") from error
    found: dict[str, Any] = msgspec.json.decode(content) if content else {}
    if status == 404:
        raise NotFound(found.get("detail", "there is none"))
    if status >= 400:
        raise AdminError(f"auth refuses: {found.get('detail', status)}")
    return found
