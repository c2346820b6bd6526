"""The form in which names are compared when people look for them."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Without case, accents and widths, white space as single blanks: "Ｃafé  Noir" → "cafe noir".

    Marks that make another letter in their script (Japanese ゙, Indic vowels) stay: only those of
    Latin, Greek and Cyrillic letters go.
    """
    plain = []
    base_folds = False
    for character in unicodedata.normalize("NFKD", text).casefold():
        if unicodedata.combining(character):
            if base_folds:
                continue
        else:
            base_folds = unicodedata.name(character, "").startswith(("LATIN", "GREEK", "CYRILLIC"))
        plain.append(character)
    return " ".join(unicodedata.normalize("NFKC", "".join(plain)).split())
