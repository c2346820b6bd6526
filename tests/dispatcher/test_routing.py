"""The pure parts around routing: presence mirror, router, watching, settings."""

from __future__ import annotations

import msgspec
import pytest

from services.dispatcher.domain.membership import Members
from services.dispatcher.domain.presence import PresenceMirror
from services.dispatcher.domain.routing import CACHED_FROM, OutDelivery, Outgoing, Router
from services.dispatcher.domain.watching import OFFLINE_AFTER_S, Push, Watching
from services.dispatcher.leases import Lease
from services.dispatcher.publisher import DELIVERY_MAX_BYTES, outbounds
from services.dispatcher.settings import DispatcherSettings
from shared.entries import Delivery, Presence, PresenceChange, decode_delivery, encode
from shared.internal import Membership, MembersReply
from shared.settings import SettingsError, load
from tests.dispatcher.support import event_of
from tests.dispatcher.test_watching import state_of


def came(gateway: str, **connections: str) -> PresenceChange:
    return PresenceChange(
        gateway, came=[(name, Presence(user, "s", 0)) for name, user in connections.items()]
    )


def test_mirror_counts_connections_and_tells_who_moved() -> None:
    mirror = PresenceMirror()
    assert mirror.apply(came("g1", c1="u", c2="u", c3="v")) == {"u", "v"}
    assert mirror.apply(came("g1", c1="u")) == set()  # seen before
    assert mirror.apply(came("g2", c4="u")) == {"u"}
    assert mirror.users["u"] == {"g1": 2, "g2": 1}
    assert mirror.apply(PresenceChange("g1", went=["c1"])) == set()
    assert mirror.apply(PresenceChange("g1", went=["c2", "c2", "never"])) == {"u"}
    assert mirror.apply(PresenceChange("g1", gone=True)) == {"v"}
    assert mirror.users == {"u": {"g2": 1}}
    assert mirror.connections == {"c4": ("g2", "u")}


def test_connection_that_moved_to_a_new_gateway_id_is_not_touched_by_the_old_one() -> None:
    mirror = PresenceMirror()
    mirror.apply(came("g1", c1="u"))
    assert mirror.apply(came("g2", c1="u")) == {"u"}
    mirror.apply(PresenceChange("g1", went=["c1"]))
    mirror.apply(PresenceChange("g1", gone=True))
    assert mirror.users == {"u": {"g2": 1}}


def room(size: int) -> tuple[PresenceMirror, Members]:
    mirror = PresenceMirror()
    users = [f"u{n}" for n in range(size)]
    mirror.apply(came("g1", **{f"c{user}": user for user in users}))
    return mirror, Members(MembersReply(0, [Membership(user, 1) for user in users]), 1)


def test_what_is_written_reads_as_a_delivery() -> None:
    mirror, members = room(CACHED_FROM)
    router = Router(mirror)
    out: Outgoing = {}
    router.route(event_of("c", 1, trace="t", origin="o", committed_ms=7), members, out)
    router.route(event_of("d", 2, pair=("u1", "u2")), None, out)
    read = decode_delivery(encode(OutDelivery(3, 9, out["g1"])))
    assert isinstance(read, Delivery)
    assert (read.partition, read.fence) == (3, 9)
    large, small = read.items
    assert sorted(large.users) == sorted(members.current)
    assert (large.conversation, large.seq, large.skip, large.trace) == ("c", 1, "o", "t")
    assert large.committed_ms == 7
    assert small.users == ["u1", "u2"]
    assert out["g1"][0].user_list() == large.users


def test_kept_groups_are_made_anew_when_presence_or_members_change() -> None:
    mirror, members = room(CACHED_FROM)
    router = Router(mirror)

    def places(seq: int) -> dict[str, set[str]]:
        out: Outgoing = {}
        router.route(event_of("c", seq), members, out)
        return {gateway: set(items[0].user_list()) for gateway, items in out.items()}

    everyone = set(members.current)
    assert places(1) == {"g1": everyone}
    router.presence_moved(mirror.apply(came("g2", x="u0")))
    assert places(2) == {"g1": everyone, "g2": {"u0"}}
    members.apply(3, [], ["u1"])
    router.members_changed("c", members, ["u1"])
    assert places(3)["g1"] == everyone  # the one who leaves still gets this one
    members.apply(4, [], [])
    assert places(4)["g1"] == everyone - {"u1"}
    router.forget("c")
    assert router.interested == 0


def test_deliveries_are_cut_into_bearable_entries() -> None:
    mirror, members = room(1000)
    router = Router(mirror)
    out: Outgoing = {}
    for seq in range(1, 1001):
        router.route(event_of("c", seq), members, out)
    lease = Lease(0, 1, "", acquired_at=0.0, deadline=0.0)
    parts = list(outbounds(lease, out))
    assert [item.seq for part in parts for item in part.items] == list(range(1, 1001))
    sizes = [len(msgspec.msgpack.encode(OutDelivery(0, 1, part.items))) for part in parts]
    assert len(parts) > 1
    assert max(sizes) < DELIVERY_MAX_BYTES * 1.1


def test_watching_announces_once_and_forgets_in_time() -> None:
    online = {"a"}
    watching = Watching(state_of(online))
    assert watching.watch("c", ["a", "b"], "conn", "a", 90.0)
    assert watching.here("c") == [("a", "online")]
    assert not watching.watch("c", ["a", "b"], "other", "x", 90.0)
    online.add("b")
    assert watching.moved(["b"], 1.0) == [Push("c", "b", "online")]
    assert watching.moved(["b", "stranger"], 1.0) == []
    online.discard("b")
    assert watching.moved(["b"], 2.0) == []
    online.add("b")  # back before anybody was told
    assert watching.moved(["b"], 2.5) == []
    assert watching.due(9.0) == []
    online.discard("b")
    watching.moved(["b"], 10.0)
    assert watching.due(10.0 + OFFLINE_AFTER_S) == [Push("c", "b", "offline")]
    watching.watch("c", ["a", "b"], "conn", "a", 120.0)  # repeated
    watching.due(100.0)
    assert watching.watchers("c") == ["conn"]
    watching.due(120.0)
    assert watching.watchers("c") == []
    assert "c" not in watching
    assert len(watching) == 0


def test_watching_follows_the_members() -> None:
    online = {"a", "b", "new"}
    watching = Watching(state_of(online))
    watching.watch("c", ["a", "b"], "ca", "a", 90.0)
    watching.watch("c", ["a", "b"], "cb", "b", 90.0)
    told = watching.members_changed("c", ["new"], ["b"])
    assert told == [Push("c", "b", "offline"), Push("c", "new", "online")]
    assert watching.watchers("c") == ["ca"]
    online.discard("b")
    watching.moved(["b"], 1.0)
    assert watching.due(9.0) == []  # b is nobody's business here any more
    watching.replace("ca", [])
    assert "c" not in watching


def test_all_faults_of_the_settings_are_told_at_once() -> None:
    environ = {
        "AGILEIM_LISTEN": "127.0.0.1:0",
        "AGILEIM_INSTANCE": "d",
        "AGILEIM_REDIS_URL": "redis://localhost",
        "AGILEIM_ISSUER": "https://chat.example.org",
        "AGILEIM_API_URLS": "http://api",
        "AGILEIM_AUTH_URL": "http://auth",
        "AGILEIM_CLIENT_SECRET": "s",
    }
    settings = load(DispatcherSettings, environ)
    assert settings.lease_ttl_s == 6.0
    assert (settings.renew_s, settings.poll_s, settings.lease_margin_s) == (2.0, 1.0, 1.5)
    with pytest.raises(SettingsError) as caught:
        load(DispatcherSettings, environ | {"AGILEIM_BLOCK_MS": "5", "AGILEIM_LEASE_TTL_S": "0"})
    assert len(caught.value.faults) == 2
