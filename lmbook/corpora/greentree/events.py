"""What can happen in a greentree story: for each event its condition, its weight, its choices and its wordings.

A wording is a pair (English, Chinese). English wordings are lists of tokens separated by spaces. `{slot}` is filled
with the word that was chosen or, for facts of the world such as `{hero}` or `{plant}`, remembered. In Chinese
`{slot_one}` is "one" with the measure word of the slot.

The probability of an event in a world is its weight (times the multiplier of the story's topic) over the sum of the
weights of all events whose condition holds there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lmbook.corpora.greentree.world import BOTH, FRIEND, HERO, LOST, World

Wordings = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Event:
    """One kind of sentence.

    Args:
        name: unique.
        wordings: alternative renderings, equally likely.
        weight: how likely it is where it is possible.
        when: the condition on the world.
        who: who may be its subject (roles); empty: nobody in particular.
        choices: free choices, slot -> lexicon category.
        effect: what it changes in the world, given the role of the subject and the chosen words.
        topics: multiplier of the weight by topic.
        mood: the story's mood, for events that end a story.
        leaves_subject: who the sentence is about afterwards: "who" (its subject), a role, BOTH, or None.
    """

    name: str
    wordings: Wordings
    weight: float = 1.0
    when: Callable[[World], bool] = lambda world: True
    who: Callable[[World], list[str]] | None = None
    choices: dict[str, str] = field(default_factory=dict)
    effect: Callable[[World, str | None, dict[str, str]], None] | None = None
    topics: dict[str, float] = field(default_factory=dict)
    mood: str = ""
    leaves_subject: str | None = "who"


def _anybody(world: World) -> list[str]:
    return world.present()


def _holder(world: World) -> list[str]:
    return [world.holder] if world.holder in (HERO, FRIEND) else []


def _not_holder(world: World) -> list[str]:
    return [who for who in world.present() if who != world.holder]


def _held(world: World) -> bool:
    return world.holder in (HERO, FRIEND)


def _lost(world: World) -> bool:
    return world.holder == LOST


def _meet(world: World, who: str | None, chosen: dict[str, str]) -> None:
    world.friend, world.friend_kind, world.friend_trait = chosen["friend"], chosen["kind"], chosen["trait"]


def _find(world: World, who: str | None, chosen: dict[str, str]) -> None:
    world.thing, world.thing_look, world.holder = chosen["thing"], chosen["thing_look"], who


def _give(world: World, who: str | None, chosen: dict[str, str]) -> None:
    world.holder = world.other(who)


def _lose(world: World, who: str | None, chosen: dict[str, str]) -> None:
    world.holder, world.lost_place = LOST, world.place


def _refind(world: World, who: str | None, chosen: dict[str, str]) -> None:
    world.holder, world.place, world.lost_place = who, world.lost_place, ""


def _walk(world: World, who: str | None, chosen: dict[str, str]) -> None:
    world.place = chosen["to"]


def _return(world: World, who: str | None, chosen: dict[str, str]) -> None:
    world.place = world.home


def _storm(world: World, who: str | None, chosen: dict[str, str]) -> None:
    world.weather = chosen["weather"]


def _clear(world: World, who: str | None, chosen: dict[str, str]) -> None:
    world.weather = ""


EVENTS: tuple[Event, ...] = (
    # People.
    Event(
        "meet",
        (
            ("{s} meets a {trait} {kind} named {friend} .", "{s}遇见了{kind_one}{trait}{kind}，名叫{friend}。"),
            (
                "soon {s} makes friends with {friend} , a {trait} {kind} .",
                "不久，{s}和{kind_one}{trait}{kind}{friend}成了朋友。",
            ),
            (
                "{s} shakes hands with a {trait} {kind} named {friend} .",
                "{s}和{kind_one}名叫{friend}的{trait}{kind}握了握手。",
            ),
        ),
        weight=3,
        when=lambda w: not w.friend,
        who=lambda w: [HERO],
        choices={"trait": "traits", "kind": "kinds", "friend": "names"},
        effect=_meet,
        topics={"friendship": 4, "journey": 1.5},
    ),
    # Things.
    Event(
        "find",
        (
            ("{s} finds a {thing_look} {thing} in the grass .", "{s}在草丛里找到了{thing_one}{thing_look}{thing}。"),
            (
                "{s} notices a {thing_look} {thing} and picks it up .",
                "{s}看见了{thing_one}{thing_look}{thing}，就捡了起来。",
            ),
            (
                "under some leaves {s} discovers a {thing_look} {thing} .",
                "在落叶底下，{s}发现了{thing_one}{thing_look}{thing}。",
            ),
        ),
        weight=2.5,
        when=lambda w: w.holder is None,
        who=_anybody,
        choices={"thing_look": "thing_looks", "thing": "things"},
        effect=_find,
        topics={"treasure": 4},
    ),
    Event(
        "give",
        (
            ("{s} gives the {thing} to {other} .", "{s}把{thing}送给了{other}。"),
            ("{s} hands the {thing} over to {other} .", "{s}把{thing}递给了{other}。"),
            ("{s} lets {other} have the {thing} .", "{s}让{other}拿走了{thing}。"),
        ),
        weight=2.5,
        when=lambda w: _held(w) and bool(w.friend),
        who=_holder,
        effect=_give,
        topics={"friendship": 2},
    ),
    Event(
        "lose",
        (
            ("{s} loses the {thing} {at} .", "{s}在{at}弄丢了{thing}。"),
            ("{s} drops the {thing} {at} without noticing .", "{s}不小心把{thing}掉在了{at}。"),
        ),
        weight=0.8,
        when=_held,
        who=_holder,
        effect=_lose,
        topics={"treasure": 2},
    ),
    Event(
        "search",
        (
            ("{s} searches for the {thing} everywhere .", "{s}到处寻找{thing}。"),
            ("{s} asks everybody about the {thing} .", "{s}向大家打听{thing}。"),
        ),
        when=_lost,
        who=_anybody,
    ),
    Event(
        "find_again",
        (
            ("{s} finds the {thing} again {lost_at} .", "{s}在{lost_at}又找到了{thing}。"),
            ("finally {s} gets the {thing} back {lost_at} .", "终于，{s}在{lost_at}找回了{thing}。"),
        ),
        weight=2.5,
        when=_lost,
        who=_anybody,
        effect=_refind,
    ),
    # Places.
    Event(
        "walk",
        (
            ("{s} walks to the {to} .", "{s}走到{to}。"),
            ("{s} runs to the {to} .", "{s}跑到{to}。"),
            ("{s} follows a path to the {to} .", "{s}沿着小路来到{to}。"),
        ),
        weight=1.5,
        when=lambda w: not w.friend,
        who=lambda w: [HERO],
        choices={"to": "destinations"},
        effect=_walk,
        topics={"journey": 3},
    ),
    Event(
        "walk_together",
        (
            ("{hero} and {friend} walk to the {to} .", "{hero}和{friend}走到{to}。"),
            ("{hero} and {friend} travel to the {to} .", "{hero}和{friend}一起去{to}。"),
        ),
        weight=1.5,
        when=lambda w: bool(w.friend),
        choices={"to": "destinations"},
        effect=_walk,
        topics={"journey": 3},
        leaves_subject=BOTH,
    ),
    Event(
        "return",
        (
            ("{s} goes back to the {plant} .", "{s}回到{plant}那里。"),
            ("{s} misses the {plant} and returns to it .", "{s}想念{plant}，就回去了。"),
        ),
        when=lambda w: not w.at_plant and not w.friend,
        who=lambda w: [HERO],
        effect=_return,
    ),
    Event(
        "return_together",
        (("{hero} and {friend} go back to the {plant} .", "{hero}和{friend}回到{plant}那里。"),),
        when=lambda w: not w.at_plant and bool(w.friend),
        effect=_return,
        leaves_subject=BOTH,
    ),
    Event(
        "stay",
        (
            ("{s} rests {at} for a while .", "{s}在{at}休息了一会儿。"),
            ("{s} likes it very much {at} .", "{s}非常喜欢待在{at}。"),
        ),
        weight=0.7,
        who=_anybody,
    ),
    Event(
        "watch",
        (
            ("{s} sees a {colour} {creature} {at} .", "{s}在{at}看见一只{colour}{creature}。"),
            ("{s} watches a {colour} {creature} {at} .", "{s}在{at}看着一只{colour}{creature}。"),
        ),
        weight=1.5,
        who=_anybody,
        choices={"colour": "colours", "creature": "creatures"},
        topics={"journey": 1.5},
    ),
    Event(
        "visitor",
        (
            ("a {colour} {creature} passes by .", "一只{colour}{creature}从旁边经过。"),
            ("a {colour} {creature} says hello to {hero} .", "一只{colour}{creature}向{hero}问好。"),
        ),
        choices={"colour": "colours", "creature": "creatures"},
        leaves_subject=None,
    ),
    Event(
        "climb",
        (
            ("{s} climbs the {plant} .", "{s}爬上了{plant}。"),
            ("{s} sits down under the {plant} .", "{s}在{plant}底下坐下。"),
            ("{s} dances around the {plant} .", "{s}绕着{plant}跳舞。"),
        ),
        weight=1.5,
        when=lambda w: w.at_plant,
        who=_anybody,
        topics={"garden": 1.5},
    ),
    # Weather.
    Event(
        "storm",
        (
            ("suddenly the {weather} comes .", "突然，{weather}来了。"),
            ("dark clouds bring the {weather} .", "乌云带来了{weather}。"),
        ),
        when=lambda w: not w.weather,
        choices={"weather": "weathers"},
        effect=_storm,
        topics={"weather": 5},
        leaves_subject=None,
    ),
    Event(
        "clear",
        (
            ("the {weather} stops and the sun comes out .", "{weather}停了，太阳出来了。"),
            ("soon the {weather} is over .", "不久，{weather}就过去了。"),
        ),
        weight=2,
        when=lambda w: bool(w.weather),
        effect=_clear,
        leaves_subject=None,
    ),
    Event(
        "shelter",
        (("{s} hides from the {weather} under the {plant} .", "{s}在{plant}底下躲{weather}。"),),
        weight=1.5,
        when=lambda w: bool(w.weather) and w.at_plant,
        who=_anybody,
        topics={"weather": 2},
    ),
    Event(
        "shelter_away",
        (("{s} hides from the {weather} in a dry barn .", "{s}在干燥的谷仓里躲{weather}。"),),
        weight=1.5,
        when=lambda w: bool(w.weather) and not w.at_plant,
        who=_anybody,
        topics={"weather": 2},
    ),
    # Daily life.
    Event(
        "eat",
        (
            ("{s} eats a {taste} {food} .", "{s}吃了{food_one}{taste}{food}。"),
            ("{s} buys a {taste} {food} .", "{s}买了{food_one}{taste}{food}。"),
            ("{s} gets a {taste} {food} from a neighbour .", "{s}从邻居那里得到{food_one}{taste}{food}。"),
        ),
        who=_anybody,
        choices={"taste": "tastes", "food": "foods"},
        topics={"food": 5},
    ),
    Event(
        "share",
        (("{s} shares a {taste} {food} with {other} .", "{s}和{other}分吃{food_one}{taste}{food}。"),),
        weight=0.7,
        when=lambda w: bool(w.friend),
        who=_anybody,
        choices={"taste": "tastes", "food": "foods"},
        topics={"food": 4, "friendship": 2},
    ),
    Event(
        "plant",
        (
            ("{s} waters the {flower} .", "{s}给{flower}浇水。"),
            ("{s} picks some {flower} .", "{s}摘了一些{flower}。"),
            ("{s} sows more {flower} .", "{s}又种了一些{flower}。"),
        ),
        weight=0.7,
        who=_anybody,
        choices={"flower": "flowers"},
        topics={"garden": 6},
    ),
    Event(
        "sing",
        (
            ("{s} sings a {tune} song about the {plant} .", "{s}唱了一首关于{plant}的{tune}歌。"),
            ("{s} tells a {tune} tale about the {plant} .", "{s}讲了一个关于{plant}的{tune}故事。"),
        ),
        weight=0.7,
        who=_anybody,
        choices={"tune": "tunes"},
    ),
    # Feelings, always with their reason.
    Event(
        "joy_thing",
        (("{s} is {good} because of the {thing} .", "{s}因为有{thing}而感到{good}。"),),
        when=_held,
        who=_holder,
        choices={"good": "good"},
    ),
    Event(
        "joy_friend",
        (("{s} is {good} because {other} is so nice .", "{s}因为{other}这么好而感到{good}。"),),
        weight=0.7,
        when=lambda w: bool(w.friend),
        who=_anybody,
        choices={"good": "good"},
        topics={"friendship": 2},
    ),
    Event(
        "sorrow_thing",
        (("{s} is {bad} because the {thing} is gone .", "{s}因为{thing}不见了而感到{bad}。"),),
        weight=1.5,
        when=_lost,
        who=_anybody,
        choices={"bad": "bad"},
    ),
    Event(
        "sorrow_weather",
        (("{s} is {bad} because of the {weather} .", "{s}因为{weather}而感到{bad}。"),),
        when=lambda w: bool(w.weather),
        who=_anybody,
        choices={"bad": "bad"},
    ),
    # Speech: what is said is true.
    Event(
        "say_mine",
        (('{s} says , " i have the {thing} . "', "{s}说：“{thing}在我这里。”"),),
        when=_held,
        who=_holder,
    ),
    Event(
        "say_theirs",
        (('{s} says , " {holder} has the {thing} . "', "{s}说：“{thing}在{holder}那里。”"),),
        when=lambda w: _held(w) and bool(w.friend),
        who=_not_holder,
    ),
    Event(
        "say_name",
        (('{s} says , " my name is {self} . "', "{s}说：“我叫{self}。”"),),
        weight=0.7,
        who=_anybody,
    ),
    Event(
        "say_place",
        (('{s} says , " what a nice day {at} ! "', "{s}说：“在{at}真开心！”"),),
        weight=0.7,
        when=lambda w: not w.weather,
        who=_anybody,
    ),
    Event(
        "say_plant",
        (('{s} says , " the {plant} is {look} . "', "{s}说：“{plant}是{look}。”"),),
        weight=0.4,
        who=_anybody,
    ),
)

# The last sentence; its event carries the story's mood.
ENDINGS: tuple[Event, ...] = (
    Event(
        "end_happy",
        (
            ("at the end of the day {hero} is happy and goes home smiling .", "一天结束时，{hero}很高兴，笑着回家了。"),
            ("it was the best day of all , and {hero} laughs for a long time .", "这是最美好的一天，{hero}笑了很久。"),
        ),
        weight=3,
        when=lambda w: not _lost(w),
        mood="happy",
    ),
    Event(
        "end_happy_thing",
        (
            ("{holder} takes the {thing} home and treasures it forever .", "{holder}把{thing}带回家，永远珍藏着它。"),
            ("that night the {thing} lies beside the bed of {holder} .", "那天夜里，{thing}就放在{holder}的床边。"),
        ),
        weight=4,
        when=_held,
        mood="happy",
    ),
    Event(
        "end_happy_friend",
        (("from that day on {hero} and {friend} are best friends .", "从那天起，{hero}和{friend}成了最好的朋友。"),),
        weight=3,
        when=lambda w: bool(w.friend),
        topics={"friendship": 2},
        mood="happy",
    ),
    Event(
        "end_calm",
        (
            ("in the evening {hero} looks at the stars .", "晚上，{hero}看着星星。"),
            ("the sun goes down behind the {plant} , and everything is calm .", "太阳落到{plant}后面，一切都很平静。"),
            ("{hero} drinks a cup of tea and thinks about the day .", "{hero}喝了一杯茶，回想着这一天。"),
        ),
        weight=3,
        when=lambda w: not w.weather,
        mood="calm",
    ),
    Event(
        "end_sad",
        (
            ("that night {hero} cries and cannot sleep .", "那天夜里，{hero}哭了，睡不着觉。"),
            ("at the end of the day {hero} walks home with tears .", "一天结束时，{hero}流着泪走回家。"),
        ),
        weight=1,
        when=lambda w: not _held(w),
        mood="sad",
    ),
    Event(
        "end_sad_lost",
        (("{hero} never sees the {thing} again .", "{hero}再也没有见到{thing}。"),),
        weight=4,
        when=_lost,
        mood="sad",
    ),
    Event(
        "end_sad_weather",
        (
            (
                "the {weather} does not stop , and {hero} stays indoors alone .",
                "{weather}一直不停，{hero}独自待在屋里。",
            ),
        ),
        weight=3,
        when=lambda w: bool(w.weather),
        mood="sad",
    ),
    Event(
        "end_angry",
        (
            ("{hero} is angry and slams the door .", "{hero}很生气，砰地关上了门。"),
            ("{hero} shouts at the moon and stamps both feet .", "{hero}对着月亮大喊，还跺着双脚。"),
        ),
        weight=1,
        mood="angry",
    ),
    Event(
        "end_angry_thing",
        (("{hero} is furious because {friend} keeps the {thing} .", "{hero}很恼火，因为{friend}不还{thing}。"),),
        weight=2,
        when=lambda w: w.holder == FRIEND,
        mood="angry",
    ),
)

# The first two sentences of every story.
OPENING = Event(
    "open",
    (
        ("a {look} {plant} stands {manner} {at} .", "{at}，一棵{look}{plant}{manner}站着。"),
        ("there is a {look} {plant} {at} .", "{at}有一棵{look}{plant}。"),
        ("a {look} {plant} grows {at} .", "一棵{look}{plant}长在{at}。"),
    ),
    leaves_subject=None,
)
INTRODUCTION = Event(
    "introduce",
    (
        (
            "a {trait} {kind} named {hero} lives {side} the {plant} and {wish} .",
            "{kind_one}{trait}{kind}住在{plant}{side}，名叫{hero}，{wish}。",
        ),
        (
            "every morning a {trait} {kind} named {hero} comes here and {wish} .",
            "每天早上，{kind_one}名叫{hero}的{trait}{kind}来到这里，{wish}。",
        ),
        ("here lives {hero} , a {trait} {kind} who {wish} .", "这里住着{hero}，{kind_one}{trait}{kind}，{wish}。"),
    ),
    leaves_subject=HERO,
)
