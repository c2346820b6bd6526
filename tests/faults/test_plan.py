"""A seed decides everything; the plan makes sense."""

from __future__ import annotations

from tests.faults.plan import Size, make


def test_a_seed_repeats_its_plan_and_another_does_not() -> None:
    assert make(7, Size()) == make(7, Size())
    assert make(7, Size()).sends != make(8, Size()).sends


def test_guests_come_and_go_in_turn_and_are_never_members_at_first() -> None:
    for seed in range(20):
        plan = make(seed, Size())
        inside: set[tuple[int, int]] = set()
        for change in plan.changes:
            place = (change.group, change.guest)
            assert change.add == (place not in inside)
            inside ^= {place}
        for group in plan.groups:
            assert not {group.owner, *group.members} & set(group.guests)


def test_senders_belong_where_they_send() -> None:
    plan = make(1, Size())
    for send in plan.sends:
        user = plan.devices[send.device]
        if send.kind == "direct":
            assert user in plan.pairs[send.conversation]
        else:
            group = plan.groups[send.conversation]
            assert user in (group.owner, *group.members, *group.guests)
    assert 0 < plan.fault_at_s < plan.size.duration_s
    assert len(set(plan.pairs)) == len(plan.pairs) == plan.size.users
