"""Who is told of whose presence when members come and go."""

from __future__ import annotations

from collections.abc import Callable, Collection

from services.dispatcher.domain.watching import Push, State, Watching

END = 90.0


def state_of(online: Collection[str]) -> Callable[[str], State]:
    return lambda user: "online" if user in online else "offline"


def test_who_leaves_is_no_longer_shown_online_and_nobody_hears_of_them_again() -> None:
    online = {"ann", "bob"}
    watching = Watching(state_of(online))
    assert watching.watch("team", ["ann", "bob", "cid"], "c1", "ann", END)
    assert watching.here("team") == [("ann", "online"), ("bob", "online")]

    assert watching.members_changed("team", [], ["bob"]) == [Push("team", "bob", "offline")]
    online.remove("bob")
    assert watching.moved(["bob"], 1.0) == []
    assert watching.due(5.0) == []

    # Back and offline: what was shown before must not stand.
    assert watching.members_changed("team", ["bob"], []) == []
    online.add("bob")
    assert watching.moved(["bob"], 6.0) == [Push("team", "bob", "online")]


def test_of_who_was_offline_nothing_is_told_when_they_leave() -> None:
    watching = Watching(state_of({"ann"}))
    watching.watch("team", ["ann", "cid"], "c1", "ann", END)
    assert watching.members_changed("team", [], ["cid"]) == []


def test_a_watcher_who_leaves_watches_no_more() -> None:
    watching = Watching(state_of({"ann", "bob"}))
    watching.watch("team", ["ann", "bob"], "c1", "ann", END)
    watching.watch("team", ["ann", "bob"], "c2", "bob", END)
    assert watching.members_changed("team", [], ["bob"]) == [Push("team", "bob", "offline")]
    assert watching.watchers("team") == ["c1"]


def test_who_joins_while_away_for_a_moment_is_shown_as_elsewhere() -> None:
    online = {"ann", "bob"}
    watching = Watching(state_of(online))
    watching.watch("pair", ["ann", "bob"], "c1", "ann", END)
    watching.watch("team", ["ann"], "c1", "ann", END)
    online.remove("bob")
    assert watching.moved(["bob"], 1.0) == []  # not told yet: he may be back at once

    assert watching.members_changed("team", ["bob"], []) == [Push("team", "bob", "online")]
    assert {push.conversation for push in watching.due(3.0)} == {"pair", "team"}


def test_who_joins_while_away_and_is_back_at_once_is_shown_online_everywhere() -> None:
    online = {"ann", "bob"}
    watching = Watching(state_of(online))
    watching.watch("pair", ["ann", "bob"], "c1", "ann", END)
    watching.watch("team", ["ann"], "c1", "ann", END)
    online.remove("bob")
    watching.moved(["bob"], 1.0)
    told = watching.members_changed("team", ["bob"], [])
    online.add("bob")
    told += watching.moved(["bob"], 1.5)
    told += watching.due(3.0)
    assert told == [Push("team", "bob", "online")]


def test_members_loaded_anew_are_told_to_those_who_watch_already() -> None:
    watching = Watching(state_of({"ann", "bob", "cid"}))
    watching.watch("team", ["ann", "bob"], "c1", "ann", END)
    assert watching.reconcile("team", ["ann", "cid"]) == [
        Push("team", "bob", "offline"),
        Push("team", "cid", "online"),
    ]
    assert watching.reconcile("team", ["ann", "cid"]) == []
    assert watching.reconcile("unwatched", ["ann"]) == []


def test_who_is_away_is_told_at_once_and_offline_after_a_moment() -> None:
    states: dict[str, State] = {"ann": "online", "bob": "online"}
    watching = Watching(lambda user: states.get(user, "offline"))
    watching.watch("team", ["ann", "bob"], "c1", "ann", END)
    states["bob"] = "away"
    assert watching.moved(["bob"], 1.0) == [Push("team", "bob", "away")]
    assert watching.moved(["bob"], 1.5) == []
    del states["bob"]
    assert watching.moved(["bob"], 2.0) == []
    assert watching.due(4.0) == [Push("team", "bob", "offline")]
    states["bob"] = "away"
    assert watching.moved(["bob"], 5.0) == [Push("team", "bob", "away")]
    states["bob"] = "online"
    assert watching.moved(["bob"], 6.0) == [Push("team", "bob", "online")]
