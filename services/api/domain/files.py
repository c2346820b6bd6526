"""What is known about a file without a place to keep it: its name, its type, how it is served."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import filetype

from shared.limits import FILE_NAME_MAX_CHARS

HEAD_BYTES: Final = 8192  # of a file's beginning suffice to tell its type
UNKNOWN_TYPE: Final = "application/octet-stream"
TEXT_TYPE: Final = "text/plain"

# Native programs: nobody needs them in a chat, and whoever opens one runs it.
PROGRAM_TYPES: Final = (
    "application/x-executable",
    "application/x-msdownload",
    "application/x-mach-binary",
    "application/vnd.android.package-archive",
)
_MACH_O: Final = (
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
)

# What a browser may show in place. Neither HTML nor SVG: they run scripts; nor PDF: browsers do
# not show it in a sandbox.
INLINE_TYPES: Final = frozenset(
    {
        "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif",
        "video/mp4", "video/webm", "video/quicktime",
        "audio/mpeg", "audio/mp4", "audio/ogg", "audio/x-wav", "audio/x-flac", "audio/aac",
        TEXT_TYPE,
    }
)  # fmt: skip
PICTURE_TYPES: Final = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/bmp", "image/tiff"}
)
# Names that claim a content which is shown or played when it is opened.
_CLAIMS: Final = {
    "jpg": "image", "jpeg": "image", "png": "image", "gif": "image", "webp": "image",
    "avif": "image", "bmp": "image", "tif": "image", "tiff": "image", "heic": "image",
    "mp4": "video", "m4v": "video", "webm": "video", "mov": "video", "mkv": "video",
    "avi": "video", "mp3": "audio", "m4a": "audio", "wav": "audio", "flac": "audio",
    "ogg": "audio", "opus": "audio", "aac": "audio",
}  # fmt: skip
# Containers that hold either.
_ALSO: Final = {
    "video/mp4": "audio", "audio/mp4": "video", "video/webm": "audio", "audio/ogg": "video",
    "video/x-matroska": "audio", "video/quicktime": "audio",
}  # fmt: skip

_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]')
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
_TEXT_CONTROLS: Final = frozenset(b"\t\n\r\f\x1b")


class WrongType(ValueError):
    """The content is of a kind that is not taken; the text says why."""


def type_of(head: bytes) -> str:
    """The type of a file by the first HEAD_BYTES of its content, or all if there are fewer."""
    if head.startswith(_MACH_O):
        return "application/x-mach-binary"
    found = filetype.guess_mime(head)
    if found:
        return str(found)
    return TEXT_TYPE if _is_text(head) else UNKNOWN_TYPE


def _is_text(head: bytes) -> bool:
    """UTF-8, perhaps cut amid a character, without control characters."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return bool(head) and not any(byte < 32 and byte not in _TEXT_CONTROLS for byte in head)


def checked_type(head: bytes, name: str, claimed: str, refused: tuple[str, ...]) -> str:
    """The type by content, if it is taken and is what name and claim promise.

    Raises :class:`WrongType`.
    """
    found = type_of(head)
    if found in refused:
        raise WrongType("Programs are not taken." if found in PROGRAM_TYPES else f"No {found}.")
    kind = found.partition("/")[0]
    kinds = {kind, _ALSO.get(found, kind)}
    promised = _CLAIMS.get(name.rpartition(".")[2].lower()) if "." in name else None
    if promised and promised not in kinds:
        raise WrongType(f"The name promises {promised}, the content is {found}.")
    main = claimed.partition("/")[0].lower()
    if main in ("image", "audio", "video") and main not in kinds and "svg" not in claimed:
        raise WrongType(f"{claimed[:60]} was promised, the content is {found}.")
    return found


def safe_name(name: str) -> str:
    """A name that every system can store and that cannot hide what it is: no path, no control or
    direction characters, normal form C, at most FILE_NAME_MAX_CHARS with its ending kept."""
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    text = "".join(
        character
        for character in text
        # Cc, Cs, Co, Cn, and Cf but for the joiners that some scripts and emoji need
        if unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn", "Cf", "Zl", "Zp")
        or character in "\u200c\u200d"
    )
    text = _FORBIDDEN.sub("_", re.split(r"[/\\]", text)[-1]).strip(" .")
    text = " ".join(text.split())
    if _RESERVED.match(text):
        text = f"_{text}"
    if len(text) > FILE_NAME_MAX_CHARS:
        stem, dot, ending = text.rpartition(".")
        keep = dot + ending if stem and len(ending) <= 16 else ""
        text = text[: FILE_NAME_MAX_CHARS - len(keep)].rstrip(" .") + keep
    return text or "file"


def disposition(name: str, *, inline: bool) -> str:
    """The Content-Disposition (RFC 6266): a plain name for old readers, the true one beside it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", plain).strip() or "file"
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes ``start`` to ``stop``, the latter excluded."""

    start: int
    stop: int


class Unsatisfiable(ValueError):
    """No byte of the file is in the range."""


_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")


def parsed_range(header: str, size: int) -> Range | None:
    """The one range of a Range header (RFC 9110, section 14.2); None: the whole file.

    Several ranges, other units and nonsense are ignored, as a server may. Raises
    :class:`Unsatisfiable`.
    """
    match = _RANGE.match(header.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        start, stop = max(size - int(match[2]), 0), size
    else:
        start = int(match[1])
        stop = min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    if start >= stop:
        raise Unsatisfiable(header)
    return Range(start, stop)
