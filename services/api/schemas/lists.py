"""Pages of lists."""

from __future__ import annotations

from marshmallow import Schema

from services.api.schemas import fields as own


class ListQuery(Schema):
    """A page of a list: the ``limit`` items after the id ``after``."""

    after = own.identifier(load_default="")
    limit = own.page_limit()
