"""The people of the demo, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Person:
    """Somebody to be."""

    handle: str
    name: str


@dataclass(frozen=True)
class Script:
    """A conversation: `people[0]` makes it; without a `name` it is between two.

    `readers` have read it to its end; for the others messages wait unread. Lines are named by their
    numbers from 1: `answers` (line → the one it answers), `aside` (line → the one whose thread it
    is in), `pictures` (line → what it shows), `reactions` (line, who, emoji), `pins`.
    """

    key: str
    people: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    name: str = ""
    readers: tuple[str, ...] = ()
    answers: Mapping[int, int] = field(default_factory=dict)
    aside: Mapping[int, int] = field(default_factory=dict)
    pictures: Mapping[int, str] = field(default_factory=dict)
    reactions: tuple[tuple[int, str, str], ...] = ()
    pins: tuple[int, ...] = ()


PEOPLE = (
    Person("mei", "林梅 Mei"),
    Person("alex", "Alex Novak"),
    Person("amara", "Amara Okafor"),
    Person("wei", "陈伟"),
    Person("sofia", "Sofía Herrera"),
    Person("jonas", "Jonas Lindqvist"),
)

CONVERSATIONS = (
    Script(
        key="mei-alex",
        people=("mei", "alex"),
        lines=(
            ("mei", "Morning! Did the new sensors arrive?"),
            ("alex", "Two boxes came at eight. I have not opened them yet."),
            ("mei", "Could you check that all 24 are there? The last delivery was two short."),
            ("alex", "On it."),
            ("alex", "24, plus a spare. 👍"),
            ("mei", "Lovely. Then we can mount them on Thursday as planned."),
            ("alex", "Thursday 9:30 at the greenhouse? I will bring the long ladder."),
            ("mei", "9:30 is fine. 到时候见!"),
            ("alex", "见! (I have been practising.)"),
            ("mei", "This is how it looks from the hill this morning:"),
            ("alex", "Wow. Is that the **new** glass on the south side?"),
        ),
        answers={5: 3, 11: 10},
        pictures={10: "greenhouse.jpg"},
        reactions=((5, "mei", "👍"), (9, "mei", "😂"), (10, "alex", "❤️")),
        readers=("mei",),
    ),
    Script(
        key="greenhouse",
        name="Greenhouse",
        people=("amara", "mei", "alex", "sofia", "jonas"),
        lines=(
            ("amara", "New group for the greenhouse refit, so that the mails can stop."),
            ("sofia", "Thank you. My inbox thanks you, too."),
            (
                "jonas",
                "**Plan for this week**\n- Tue: wiring\n- Thu: sensors\n- Fri: first readings",
            ),
            ("mei", "Sensors are here and counted. Alex and I mount them on Thursday."),
            ("amara", "Who has the key on Thursday? I am at the supplier's until noon."),
            ("alex", "I have one."),
            ("sofia", "The east bed reads 41 % humidity by hand. What do we expect?"),
            ("jonas", "Between 55 and 60. Probably the valve again."),
            ("sofia", "It was the valve. Fixed; 57 % now."),
            ("amara", "¡Bravo, Sofía!"),
            ("jonas", "First readings are in. The east bed (blue) has calmed down:"),
            ("sofia", "Beautiful. @mei do you want `raw.csv` as well?"),
            ("mei", "Yes please!"),
            ("alex", "Me too."),
        ),
        answers={6: 5, 8: 7},
        aside={13: 12, 14: 12},
        pictures={11: "readings.jpg"},
        reactions=(
            (2, "amara", "😂"),
            (3, "mei", "👍"),
            (3, "alex", "👍"),
            (9, "amara", "🎉"),
            (9, "jonas", "🎉"),
            (11, "sofia", "📈"),
            (11, "amara", "📈"),
            (11, "mei", "❤️"),
        ),
        pins=(3,),
        readers=("amara", "sofia"),
    ),
    Script(
        key="lunch",
        name="午饭 Lunch",
        people=("wei", "mei", "jonas"),
        lines=(
            ("wei", "今天中午去哪儿吃?"),
            ("mei", "楼下新开的面馆怎么样? 听说牛肉面不错。"),
            ("jonas", "I can read 牛肉面. I am in."),
            ("wei", "哈哈,那十二点门口见。"),
            ("mei", "好的 🍜"),
        ),
        reactions=((2, "wei", "😋"), (2, "jonas", "👍"), (5, "wei", "🍜")),
        readers=("wei", "mei", "jonas"),
    ),
    Script(
        key="mei-wei",
        people=("wei", "mei"),
        lines=(
            ("wei", "报告我改好了,放在共享文件夹里。"),
            ("mei", "谢谢! 我下午看。"),
            ("wei", "第三页的图表还要你确认一下数字。"),
        ),
        readers=("wei",),
    ),
    Script(
        key="sofia-jonas",
        people=("sofia", "jonas"),
        lines=(
            ("sofia", "Do you have the wiring diagram for the pump?"),
            ("jonas", "Somewhere. Give me ten minutes."),
            ("jonas", "Found it: the blue wire goes to terminal 3, not 2. The label is wrong."),
            ("sofia", "That explains last week. Thanks!"),
        ),
        readers=("sofia", "jonas"),
    ),
)
