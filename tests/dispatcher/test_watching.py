"""Who is told of whose presence when members come and go."""

from __future__ import annotations

from services.dispatcher.domain.watching import Push, Watching

END = 90.0


def test_who_leaves_is_no_longer_shown_online_and_nobody_hears_of_them_again() -> None:
    online = {"ann", "bob"}
    watching = Watching(online.__contains__)
    assert watching.watch("team", ["ann", "bob", "cid"], "c1", "ann", END) == ["ann", "bob"]

    assert watching.members_changed("team", [], ["bob"]) == [Push("team", "bob", False)]
    online.remove("bob")
    assert watching.moved(["bob"], 1.0) == []
    assert watching.due(5.0) == []

    # Back and offline: what was shown before must not stand.
    assert watching.members_changed("team", ["bob"], []) == []
    online.add("bob")
    assert watching.moved(["bob"], 6.0) == [Push("team", "bob", True)]


def test_of_who_was_offline_nothing_is_told_when_they_leave() -> None:
    watching = Watching({"ann"}.__contains__)
    watching.watch("team", ["ann", "cid"], "c1", "ann", END)
    assert watching.members_changed("team", [], ["cid"]) == []


def test_a_watcher_who_leaves_watches_no_more() -> None:
    watching = Watching({"ann", "bob"}.__contains__)
    watching.watch("team", ["ann", "bob"], "c1", "ann", END)
    watching.watch("team", ["ann", "bob"], "c2", "bob", END)
    assert watching.members_changed("team", [], ["bob"]) == [Push("team", "bob", False)]
    assert watching.watchers("team") == ["c1"]


def test_who_joins_while_away_for_a_moment_is_shown_as_elsewhere() -> None:
    online = {"ann", "bob"}
    watching = Watching(online.__contains__)
    watching.watch("pair", ["ann", "bob"], "c1", "ann", END)
    watching.watch("team", ["ann"], "c1", "ann", END)
    online.remove("bob")
    assert watching.moved(["bob"], 1.0) == []  # not told yet: he may be back at once

    assert watching.members_changed("team", ["bob"], []) == [Push("team", "bob", True)]
    assert {push.conversation for push in watching.due(3.0)} == {"pair", "team"}


def test_who_joins_while_away_and_is_back_at_once_is_shown_online_everywhere() -> None:
    online = {"ann", "bob"}
    watching = Watching(online.__contains__)
    watching.watch("pair", ["ann", "bob"], "c1", "ann", END)
    watching.watch("team", ["ann"], "c1", "ann", END)
    online.remove("bob")
    watching.moved(["bob"], 1.0)
    told = watching.members_changed("team", ["bob"], [])
    online.add("bob")
    told += watching.moved(["bob"], 1.5)
    told += watching.due(3.0)
    assert told == [Push("team", "bob", True)]


def test_members_loaded_anew_are_told_to_those_who_watch_already() -> None:
    watching = Watching({"ann", "bob", "cid"}.__contains__)
    watching.watch("team", ["ann", "bob"], "c1", "ann", END)
    assert watching.reconcile("team", ["ann", "cid"]) == [
        Push("team", "bob", False),
        Push("team", "cid", True),
    ]
    assert watching.reconcile("team", ["ann", "cid"]) == []
    assert watching.reconcile("unwatched", ["ann"]) == []
