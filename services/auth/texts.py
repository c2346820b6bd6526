"""The words on the pages, by language."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "texts"
DEFAULT = "en"
# By the primary part of a language tag (RFC 5646, section 2.2.1).
LANGUAGES = {"en": "en", "zh": "zh-Hans"}


class Texts:
    """One language's texts by key."""

    def __init__(self, language: str, texts: dict[str, str]) -> None:
        self.language = language
        self.texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """The text, with ``{name}`` replaced. It is escaped by the template like any other.

        Raises KeyError for a text that does not exist.
        """
        text = self.texts[key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text


@cache
def texts_of(language: str) -> Texts:
    """The texts of one of :data:`LANGUAGES`."""
    path = _FOLDER / f"{language}.json"
    return Texts(language, json.loads(path.read_text(encoding="utf-8")))


def negotiated(accept_language: str) -> Texts:
    """The best language for the header Accept-Language (RFC 9110, section 12.5.4)."""
    best, best_weight = DEFAULT, 0.0
    for item in accept_language.split(",")[:20]:
        tag, _, parameters = item.strip().partition(";")
        language = LANGUAGES.get(tag.strip().lower().partition("-")[0])
        weight = _weight(parameters)
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return texts_of(best)


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
