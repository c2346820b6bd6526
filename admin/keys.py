"""``keys``: auth's signing keys."""

from __future__ import annotations

import time
from argparse import Namespace

from admin.errors import AdminError
from admin.groups import Groups
from admin.operator import Operator


def add(groups: Groups) -> None:
    """The commands of this module."""
    group = groups.group("keys", "auth's signing keys, in the folder AGILEIM_KEYS_DIR")
    group.command("list", run, "list the keys, oldest first, and which one signs")
    one = group.command("rotate", run, "add a key; it signs after a minute", changes=True)
    one.add_argument("--older-than-days", type=float, default=0.0, help="only if the newest is")
    group.command("prune", run, "remove keys that nobody needs any more", changes=True)


async def run(options: Namespace, operator: Operator) -> None:
    """keys list, rotate, prune: as ``python -m services.auth.keys``, and audited."""
    from services.auth import keys  # its rules are auth's

    operator.settings.need("keys_dir")
    if options.verb != "list":
        await operator.note(f"admin_keys_{options.verb}", "")
    arguments = [options.verb, str(operator.settings.keys_dir)]
    if options.verb == "rotate":
        arguments += ["--older-than-days", str(options.older_than_days)]
    if keys.main(arguments, time.time()):
        raise AdminError("not done")
