"""Structured logs: one JSON object a line, or readable and coloured on a terminal.

Event names are snake_case; ``trace_id`` and other context is bound through
``structlog.contextvars``. Never log tokens, passwords or message text: what is logged under a
telling key is hidden all the same.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

# Local variables hold tokens, passwords and texts of messages: never in a log.
_traces = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))

_SECRET_KEYS = frozenset(
    {"token", "access_token", "refresh_token", "password", "secret", "authorization", "code"}
    | {"client_secret", "password_hash", "cookie", "text", "body"}
)


def get_logger() -> structlog.stdlib.BoundLogger:
    """The logger; bind what the following lines share."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger


def _hide_secrets(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for key in _SECRET_KEYS & event.keys():
        event[key] = "…"
    return event


def configure(level: str, fmt: str, service: str, instance: str) -> None:
    """Set up logging for the process, the standard library's included."""

    def name_process(
        _: Any, __: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event.setdefault("service", service)
        event.setdefault("instance", instance)
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _hide_secrets,
    ]
    if fmt == "json":
        shared += [name_process, _traces]
        renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=True, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)
