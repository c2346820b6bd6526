"""Errors of the HTTP edges as problem documents (RFC 9457), and requests with a trace id."""

from __future__ import annotations

import json
import re
import time
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from shared.codes import ErrorCode
from shared.ids import new_id
from shared.logs import get_logger
from shared.metrics import Metrics

TRACE_HEADER = "X-Request-Id"
TRACE_ID: web.RequestKey[str] = web.RequestKey("trace_id", str)
_TRACE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics", "/internal/v1/messages"})


class Problem(Exception):
    """A request that cannot be served; becomes the answer.

    ``detail`` is for people, ``code`` for programs, ``field`` names the input that was wrong.
    """

    def __init__(
        self, code: ErrorCode, detail: str, *, field: str = "", retry_after_ms: int = 0
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field
        self.retry_after_ms = retry_after_ms


def problem_response(
    problem: Problem, request_id: str = "", *, status: int = 0, title: str = ""
) -> web.Response:
    """The problem document (RFC 9457, section 3); ``status`` and ``title`` where a protocol has
    its own for this."""
    status = status or int(problem.code.status)
    document: dict[str, Any] = {
        "type": f"urn:agileim:problem:{problem.code}",
        "title": title or problem.code.status.phrase,
        "status": status,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.field:
        document["field"] = problem.field
    headers = {}
    if problem.retry_after_ms:
        document["retry_after_ms"] = problem.retry_after_ms
        headers["Retry-After"] = str(-(-problem.retry_after_ms // 1000))
    if status == HTTPStatus.UNAUTHORIZED:  # RFC 6750, section 3
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    if request_id:
        document["request_id"] = request_id
    return web.Response(
        status=status,
        reason=title or None,
        headers=headers,
        body=json.dumps(document, ensure_ascii=False).encode(),
        content_type="application/problem+json",
    )


def _trace_id(request: web.Request) -> str:
    given = request.headers.get(TRACE_HEADER, "") or request.headers.get("traceparent", "")
    return given if _TRACE_ID.match(given) else new_id()


def _from_http_error(error: web.HTTPException) -> Problem:
    codes = {
        404: ErrorCode.NOT_FOUND,
        405: ErrorCode.INVALID,
        413: ErrorCode.TOO_LARGE,
        422: ErrorCode.INVALID,
    }
    return Problem(codes.get(error.status, ErrorCode.INVALID), error.reason)


def edge(metrics: Metrics) -> Middleware:
    """The outermost middleware: binds the trace id, turns exceptions into problem documents,
    measures and logs."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        trace_id = _trace_id(request)
        request[TRACE_ID] = trace_id
        with structlog.contextvars.bound_contextvars(trace_id=trace_id):
            try:
                response = await handler(request)
            except Problem as problem:
                response = problem_response(problem, trace_id)
            except web.HTTPException as error:
                if error.status < 400 or error.content_type == "application/problem+json":
                    raise
                response = problem_response(
                    _from_http_error(error), trace_id, status=error.status, title=error.reason
                )
                if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
                    response.headers["Allow"] = error.headers.get("Allow", "")
            except ConnectionResetError:
                raise  # the caller has gone: nobody reads an answer
            except Exception:
                get_logger().exception("request_failed", path=request.path)
                response = problem_response(
                    Problem(ErrorCode.INTERNAL, "Something went wrong on our side."), trace_id
                )
            _observe(metrics, request, response, time.perf_counter() - started)
        if not response.prepared:
            response.headers.setdefault(TRACE_HEADER, trace_id)
        return response

    return middleware


def _observe(
    metrics: Metrics, request: web.Request, response: web.StreamResponse, seconds: float
) -> None:
    if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return  # a socket's life is no time to answer
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    metrics.http_seconds.labels(request.method, route, str(response.status)).observe(seconds)
    if route not in _QUIET_ROUTES:
        get_logger().info(
            "request", method=request.method, route=route, status=response.status,
            duration_ms=round(seconds * 1000, 1),
        )  # fmt: skip
