"""A call that is still being tried when the client closes ends with the SDK's own error."""

from __future__ import annotations

import aiohttp
import pytest

from agileim import Closed
from agileim.http import Http
from agileim.rest import Api
from agileim.tokens import StaticToken


async def test_a_call_after_the_client_has_closed_raises_closed() -> None:
    session = aiohttp.ClientSession()
    api = Api(Http("http://127.0.0.1:9", StaticToken("token"), session))
    await session.close()
    with pytest.raises(Closed):
        await api.me()
