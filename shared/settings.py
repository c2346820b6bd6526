"""Settings: one frozen object per service, read once from the environment.

Field ``redis_url`` is read from ``AGILEIM_REDIS_URL``, or from the file that
``AGILEIM_REDIS_URL_FILE`` names (for secrets). Every fault is collected, so that a wrong
environment is mended in one go.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

PREFIX = "AGILEIM_"


class SettingsError(Exception):
    """One or more settings are wrong; ``faults`` has a sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class HostPort(NamedTuple):
    """Where to listen, written ``host:port``; IPv6 as ``[::1]:8080``."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> HostPort:
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65535:
            raise ValueError("must be host:port")
        return cls(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104 - all, as written


class Secret(str):
    """A text that never shows itself in logs or tracebacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('…')"


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What every service needs."""

    listen: HostPort
    instance: str  # unique name of this process, e.g. the pod's
    redis_url: Secret
    issuer: str  # the public origin, e.g. https://chat.example.org
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    partitions: int = 32
    key_prefix: str = "im"
    traces_url: str = ""  # OTLP over HTTP, e.g. http://collector:4318/v1/traces; empty: no traces
    traces_ratio: float = 0.01  # share of messages that are traced

    def faults(self) -> list[str]:
        """What is wrong between or within well-formed values, a sentence each."""
        faults = []
        if not self.issuer.startswith(("http://", "https://")) or self.issuer.endswith("/"):
            faults.append(f"{PREFIX}ISSUER must be an origin such as https://chat.example.org")
        if not 1 <= self.partitions <= 1024:
            faults.append(f"{PREFIX}PARTITIONS must be between 1 and 1024")
        if not 0 <= self.traces_ratio <= 1:
            faults.append(f"{PREFIX}TRACES_RATIO must be between 0 and 1")
        if self.traces_url and not self.traces_url.startswith(("http://", "https://")):
            faults.append(f"{PREFIX}TRACES_URL must be an http:// or https:// URL")
        if not self.instance or set(self.instance) & set(" :{}"):
            faults.append(f"{PREFIX}INSTANCE must be a name without spaces, colons or braces")
        return faults


class Checked(Protocol):
    """A frozen dataclass whose fields are settings."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def faults(self) -> list[str]:
        """What is wrong between or within well-formed values, a sentence each."""
        ...


S = TypeVar("S", bound=Checked)


def _boolean(text: str) -> bool:
    if text.lower() not in ("1", "0", "true", "false", "yes", "no"):
        raise ValueError("must be true or false")
    return text.lower() in ("1", "true", "yes")


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _number(kind: Callable[[str], Any], what: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"must be {what}") from None

    return parse


_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: _number(int, "a whole number"),
    float: _number(float, "a number"),
    bool: _boolean,
    Path: Path,
    Secret: Secret,
    HostPort: HostPort.parse,
    tuple[str, ...]: _items,
}


def _parse(kind: Any, text: str) -> Any:
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text
    if typing.get_origin(kind) is types.UnionType:  # `Path | None`: what is set is not None
        (kind,) = (choice for choice in typing.get_args(kind) if choice is not type(None))
    return _PARSERS[kind](text)


def _text(name: str, environ: Mapping[str, str]) -> str | None:
    """The setting's text: itself, else the content of the file that NAME_FILE names."""
    if name in environ:
        return environ[name]
    if path := environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return None


def load(cls: type[S], environ: Mapping[str, str]) -> S:
    """Read ``cls`` from the environment.

    Raises :class:`SettingsError` with all faults, never with a setting's value in them.
    """
    kinds = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in dataclasses.fields(cls):
        name = PREFIX + field.name.upper()
        try:
            text = _text(name, environ)
        except OSError as error:
            faults.append(f"{name}_FILE cannot be read: {error.strerror}")
            continue
        if text is None or text == "":
            if field.default is dataclasses.MISSING and (
                field.default_factory is dataclasses.MISSING
            ):
                faults.append(f"{name} is missing")
            continue
        try:
            values[field.name] = _parse(kinds[field.name], text)
        except ValueError as error:
            faults.append(f"{name} {error}")
    if not faults:
        settings = cls(**values)
        faults = settings.faults()
        if not faults:
            return settings
    raise SettingsError(faults)
