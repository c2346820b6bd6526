"""What this dispatcher knows of people's privacy: asked of api, forgotten when it changes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from typing import Final

from services.dispatcher.domain.visibility import UNSEEN, Card
from services.dispatcher.fetching import Fetching

CARDS_MAX: Final = 100_000  # about 300 bytes each, where they have no long lists
# News of changes may be lost with Redis: what is older than this is asked for again.
KEPT_S: Final = 300.0
ASKED_MAX: Final = 200  # people in one request
TRIES: Final = 3  # when news of a person come while they are being asked for


class People:
    """Cards by user id, the least recently used forgotten first."""

    def __init__(self, fetching: Fetching, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetching = fetching
        self._clock = clock
        self._cards: OrderedDict[str, tuple[Card, float]] = OrderedDict()
        self._turn = 0
        self._forgotten: dict[str, int] = {}  # user → turn, while something is being loaded
        self._loads = 0

    def card(self, user: str) -> Card | None:
        """What is known of somebody; None: ask first."""
        found = self._cards.get(user)
        if found is None or found[1] < self._clock():
            return None
        self._cards.move_to_end(user)
        return found[0]

    def forget(self, users: Iterable[str]) -> None:
        """Something has changed about them."""
        self._turn += 1
        for user in users:
            self._cards.pop(user, None)
            if self._loads:
                self._forgotten[user] = self._turn

    def left(self, user: str, at_ms: int) -> None:
        """Somebody was last here then."""
        if (card := self.card(user)) is not None and card is not UNSEEN:
            card.last_seen_ms = max(card.last_seen_ms, at_ms)

    async def load(self, users: Collection[str]) -> bool:
        """Ask for those who are not known; whether all are now."""
        self._loads += 1
        try:
            for _ in range(TRIES):
                missing = [user for user in dict.fromkeys(users) if self.card(user) is None]
                if not missing:
                    return True
                for start in range(0, len(missing), ASKED_MAX):
                    if not await self._ask(missing[start : start + ASKED_MAX]):
                        return False
            return all(self.card(user) is not None for user in users)
        finally:
            self._loads -= 1
            if not self._loads:
                self._forgotten.clear()

    async def _ask(self, users: list[str]) -> bool:
        turn = self._turn
        found = await self._fetching.cards(users)
        if found is None:
            return False
        end = self._clock() + KEPT_S
        for user in users:
            if self._forgotten.get(user, 0) <= turn:  # else it was read before the change
                self._cards[user] = (found.get(user, UNSEEN), end)
        while len(self._cards) > CARDS_MAX:
            self._cards.popitem(last=False)
        return True
