"""Files and searching."""

from __future__ import annotations

from tests.access.answers import NOT_FOUND, members, public, signed_in
from tests.access.row import Row

TUS = {"Tus-Resumable": "1.0.0"}
NEW = {**TUS, "Upload-Length": "5"}
MORE = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}

ROWS = [
    Row("OPTIONS", "/v1/uploads", public(204)),
    Row("POST", "/v1/uploads", signed_in(201), headers=NEW),
    # an upload is its uploader's alone
    Row("PATCH", "/v1/uploads/{upload}", signed_in(NOT_FOUND), headers=MORE,
        fill={"upload": "file"}),
    Row("DELETE", "/v1/uploads/{upload}", signed_in(NOT_FOUND), headers=TUS,
        fill={"upload": "file"}),
    Row("GET", "/v1/files", signed_in(200)),
    Row("GET", "/v1/file-links", signed_in(200), query={"ids": "{file}"}),
    Row("GET", "/v1/files/{file}/info", members(200)),
    Row("GET", "/v1/files/{file}", members(200)),
    Row("GET", "/v1/files/{file}/thumbnail", members(200)),
    Row("GET", "/v1/linked-files/{link}", public(NOT_FOUND), fill={"link": "fresh"}),
    Row("GET", "/v1/search", signed_in(200), query={"q": "hello", "in": "{conversation}"}),
]  # fmt: skip
