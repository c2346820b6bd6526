"""docs/operations.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from admin.settings import AdminSettings
from deploy.settings_tables import PAGE, page_with_tables
from services.api.store.database import server_options
from shared.settings import PREFIX
from tests.operators.deployments import ROOT, SETTINGS, known_settings

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_settings_are_those_of_the_code() -> None:
    assert page_with_tables(TEXT) == TEXT, "python -m deploy.settings_tables"
    for service in SETTINGS:
        for name in known_settings(service):
            assert f"`{name}`" in TEXT


def test_settings_that_are_named_in_passing_exist() -> None:
    known = set().union(*(known_settings(service) for service in SETTINGS))
    known |= {PREFIX + name.upper() for name in AdminSettings.__dataclass_fields__}
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    known |= set(re.findall(r"\$\{(AGILEIM_\w+)", compose))
    for name in re.findall(r"\bAGILEIM_\w+", TEXT):
        assert name in known or name.removesuffix("_FILE") in known, name


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in found}


def test_links_lead_somewhere() -> None:
    pages = [PAGE, *(ROOT / "docs/runbooks").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            if not urlsplit(target).scheme:
                file, _, heading = target.partition("#")
                named = page.parent / file if file else page
                assert named.exists(), f"{page.name}: {target}"
                if heading:
                    assert heading in headings(named), f"{page.name}: {target}"


def test_what_a_pooler_drops_is_listed_in_full() -> None:
    names = re.findall(r"-c (\w+)=", server_options("postgresql://x@y/z"))
    assert len(names) > 5
    for name in names:
        assert f"{name} = " in TEXT, name


def test_secrets_of_the_manifests_are_listed() -> None:
    for path in (ROOT / "k8s/base").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"(?:secretName|secretKeyRef: \{ name): (agileim-[\w-]+)", text):
            assert f"`{name}`" in TEXT, name
