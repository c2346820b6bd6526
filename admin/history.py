"""``audit``: what happened, the newest first."""

from __future__ import annotations

from argparse import Namespace

from admin.groups import Groups
from admin.operator import Operator
from admin.users import the_user
from shared.administration import AuditPage


def add(groups: Groups) -> None:
    """The commands of this module."""
    one = groups.command("audit", audit, "list security events, the newest first")
    one.add_argument("user", nargs="?", default="", help="of this person: handle or id")
    one.add_argument("--limit", type=int, default=50, help="at most so many (50)")
    one.add_argument("--before", default="", help="go on before this id")


async def audit(options: Namespace, operator: Operator) -> None:
    """audit"""
    user = (await the_user(operator, options.user)).user if options.user else ""
    page = await operator.ask(
        "GET", "/audit", AuditPage, user=user, before=options.before, limit=options.limit
    )
    operator.out.rows(("at", "what", "user", "client_id", "address", "detail"), page.events)
    if page.next:
        operator.out.remark(f"more: --before {page.next}")
