"""What the operators' tool asks api."""

from __future__ import annotations

from shared.administration import SCOPE_ADMIN
from tests.access.answers import NOT_FOUND, Expected, service
from tests.access.row import Row

BASE = "/internal/v1/admin"
BY = {"operator": "olga"}
USER, CONVERSATION = f"{BASE}/users/{{user}}", f"{BASE}/conversations/{{conversation}}"


def row(method: str, path: str, expected: Expected, body: object = None) -> Row:
    fill = {"session": "fresh"}  # one that does not exist
    return Row(method, path, service(expected), body=body, scope=SCOPE_ADMIN, fill=fill)


ROWS = [
    row("GET", f"{BASE}/users", 200),
    row("GET", USER, 200),
    row("POST", f"{USER}/disable", 200, BY),
    row("POST", f"{USER}/enable", 204, BY),
    row("GET", f"{USER}/sessions", 200),
    row("POST", f"{USER}/sessions/end", 200, BY),
    row("POST", f"{BASE}/sessions/{{session}}/end", NOT_FOUND, BY),
    row("GET", f"{BASE}/conversations", 200),
    row("GET", CONVERSATION, 200),
    row("POST", f"{CONVERSATION}/freeze", 200, BY),
    row("POST", f"{CONVERSATION}/unfreeze", 200, BY),
    row("POST", f"{CONVERSATION}/dissolve", 200, BY),
    row("POST", f"{BASE}/announcements", 200, {"id": "{fresh}", "text": "Hello", "by": BY}),
    row("POST", f"{BASE}/audit", 204, {"id": "{fresh}", "what": "admin_x", "by": BY}),
    row("GET", f"{BASE}/audit", 200),
    row("GET", f"{BASE}/database", 200),
]
