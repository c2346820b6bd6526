"""The OpenAPI document against the running api: what it promises holds for generated requests."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from tests.api.rig import Caller, RunningApi

EXAMPLES: Final = os.environ.get("AGILEIM_FUZZ_EXAMPLES", "8")
LEFT_OUT: Final = ",".join((
    # JSON Schema counts code points and knows no emoji, handles or mixed pairs of fields.
    "positive_data_acceptance",
    # /v1/contacts/requests and /v1/contacts/{user} are one place to the router's list of methods.
    "allow_header_conformance",
    # What is left of a contact that was removed is the answer "no contact".
    "use_after_free",
))  # fmt: skip


async def things(ada: Caller, bob: Caller) -> dict[str, list[str]]:
    """Names of things that exist, for paths; among them some of which the caller may see none."""
    mine, theirs = await ada.group_with(bob), await bob.group_with()
    direct = await ada.direct_with(bob)
    seqs = [(await ada.say(mine, f"m{n}"))["seq"] for n in range(3)]
    invite = await ada.post(f"/v1/conversations/{mine}/invites", {})
    return {
        "conversation": [mine, direct, theirs],
        "user": [bob.id, ada.id],
        "seq": [*map(str, seqs), "1", "99"],
        "emoji": ["👍"],
        "invite": [invite["id"]],
    }


async def test_generated_requests_find_no_failure(api: RunningApi, tmp_path: Path) -> None:
    ada, bob = await api.people(2)
    known = await things(ada, bob)
    lines = [
        line
        for name, values in known.items()
        for line in (
            f"[dictionaries.{name}]", f"values = {values!r}",
            f'[parameters."path.{name}"]', f'dictionary = "{name}"', "probability = 0.8",
        )
    ]  # fmt: skip
    settings = tmp_path / "schemathesis.toml"
    settings.write_text("\n".join([*lines, ""]), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings),
        "run", f"{api.url}/v1/openapi.json", "--url", api.url,
        "--header", f"Authorization: Bearer {ada.token}", "--no-color", "--seed", "1",
        "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", EXAMPLES,
        "--checks", "all", "--exclude-checks", LEFT_OUT, "--continue-on-failure",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    output = (await process.stdout.read()).decode(errors="replace")
    print(output)
    assert await process.wait() == 0, output
