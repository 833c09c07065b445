"""The words of the greentree world in English and Chinese.

Every entry of a category can stand wherever the category stands; weights (default 1) say how often. Categories are
closed under the grammar: an English entry is one word (a place is always preposition + "the" + noun), so that the
number of words of a sentence depends on its form alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Entry:
    """A word: `english`, `chinese`, the Chinese measure word after 一 (`measure`), a place's `preposition`."""

    english: str
    chinese: str
    measure: str = ""
    preposition: str = ""
    weight: int = 1


def _words(table: str) -> tuple[Entry, ...]:
    """Read `english chinese [weight]`, separated by commas or line ends."""
    rows = [word.split() for word in table.strip().replace("\n", ",").split(",")]
    return tuple(Entry(row[0], row[1], weight=int(row[2]) if len(row) > 2 else 1) for row in rows)


def _labelled(table: str, label_is: str) -> tuple[Entry, ...]:
    """Read lines of `label: english chinese, english chinese, …`; the label goes into the field `label_is`."""
    entries = []
    for line in table.strip().splitlines():
        label, words = line.strip().split(": ")
        entries += [Entry(*word.split(), **{label_is: label}) for word in words.split(", ")]
    return tuple(entries)


def _measured(table: str) -> tuple[Entry, ...]:
    return _labelled(table, "measure")


def _places(table: str) -> tuple[Entry, ...]:
    """The Chinese word ends in 里, 边, 上 or the like."""
    return _labelled(table, "preposition")


# A wish opens the story's topic; several wordings of each topic.
WISHES: dict[str, tuple[tuple[str, str], ...]] = {
    "food": (
        ("is very hungry", "肚子很饿"),
        ("dreams of a good dinner", "梦想着一顿丰盛的晚餐"),
        ("wants something to eat", "想吃点东西"),
        ("can smell the kitchen", "闻到了厨房的香味"),
    ),
    "friendship": (
        ("is looking for company", "正在寻找伙伴"),
        ("feels a little lonely", "觉得有点寂寞"),
        ("wants somebody to play with", "想找人一起玩"),
        ("has nobody to talk to", "没有人可以说话"),
    ),
    "treasure": (
        ("loves to collect things", "喜欢收集东西"),
        ("hopes to discover a treasure", "希望发现宝藏"),
        ("looks under every stone", "每块石头下面都要看一看"),
        ("keeps a secret chest", "有一个秘密箱子"),
    ),
    "weather": (
        ("watches the clouds", "看着天上的云"),
        ("waits for another season", "等待着下一个季节"),
        ("is afraid of thunder", "害怕打雷"),
        ("listens to the breeze", "听着微风"),
    ),
    "journey": (
        ("wants to see the world", "想去看看世界"),
        ("likes long walks", "喜欢走很远的路"),
        ("packs a bag", "收拾好了行李"),
        ("thinks about faraway countries", "想着遥远的国家"),
    ),
    "garden": (
        ("takes care of the seeds", "照顾着种子"),
        ("digs in the earth", "在泥土里挖来挖去"),
        ("grows vegetables", "种着蔬菜"),
        ("carries a watering can", "提着一个水壶"),
    ),
}


@dataclass(frozen=True)
class Lexicon:
    """The categories of the grammar, each a tuple of `Entry`; `wishes` maps a topic to (English, Chinese) phrases."""

    girls: tuple[Entry, ...]
    boys: tuple[Entry, ...]
    kinds: tuple[Entry, ...]
    traits: tuple[Entry, ...]
    looks: tuple[Entry, ...]
    plants: tuple[Entry, ...]
    manners: tuple[Entry, ...]
    sides: tuple[Entry, ...]
    places: tuple[Entry, ...]
    things: tuple[Entry, ...]
    thing_looks: tuple[Entry, ...]
    creatures: tuple[Entry, ...]
    colours: tuple[Entry, ...]
    foods: tuple[Entry, ...]
    tastes: tuple[Entry, ...]
    flowers: tuple[Entry, ...]
    tunes: tuple[Entry, ...]
    weathers: tuple[Entry, ...]
    good: tuple[Entry, ...]
    bad: tuple[Entry, ...]
    wishes: dict[str, tuple[tuple[str, str], ...]]

    def first(self, count: int = 1, **counts: int) -> Lexicon:
        """The lexicon with only the first `count` entries of each category (`counts` overrides by category).

        Small lexicons make grammars small enough to enumerate completely. The wishes keep one topic for each count.
        """
        kept = {f.name: getattr(self, f.name)[: counts.get(f.name, count)] for f in fields(self) if f.name != "wishes"}
        topics = list(self.wishes)[: counts.get("wishes", count)]
        return Lexicon(**kept, wishes={topic: self.wishes[topic][:1] for topic in topics})


LEXICON = Lexicon(
    girls=_words("anna 安娜, mia 米娅, emma 艾玛, nora 诺拉, clara 克拉拉, zoe 佐伊"),
    boys=_words("tom 汤姆, ben 本杰, max 马克斯, leo 利奥, sam 山姆, felix 菲利克斯"),
    kinds=_measured("""
        个: child 孩子, farmer 农夫, painter 画家, teacher 老师, baker 面包师, sailor 水手, doctor 医生, gardener 园丁
        只: fox 狐狸, rabbit 兔子, bear 熊, mouse 老鼠, cat 猫, duck 鸭子, frog 青蛙, squirrel 松鼠
        只: hedgehog 刺猬, goat 山羊, sheep 绵羊, owl 猫头鹰, deer 小鹿, turtle 乌龟, monkey 猴子, badger 獾
    """),
    traits=_words("""
        small 小小的, brave 勇敢的, clever 聪明的, kind 善良的, lazy 懒惰的, shy 害羞的, curious 好奇的, friendly 友好的
        gentle 温柔的, funny 有趣的, strong 强壮的, polite 有礼貌的, careful 细心的, busy 忙碌的, patient 耐心的
        modest 谦虚的
    """),
    looks=_words("""
        green 绿色的 3, old 古老的, young 年轻的, golden 金色的, crooked 弯曲的, silver 银色的, mighty 巨大的
        slender 细长的
    """),
    plants=_words("""
        tree 大树 4, oak 橡树, pine 松树, willow 柳树, birch 桦树, maple 枫树, palm 棕榈, sunflower 向日葵
    """),
    manners=_words("""
        tall 高高地 4, alone 孤零零地, still 一动不动地, proudly 骄傲地, quietly 静静地, firmly 稳稳地, straight 笔直地
        silently 默默地
    """),
    sides=_words("near 附近, behind 后面, beside 旁边, below 下面"),
    places=_places("""
        in: garden 花园里, forest 森林里, meadow 草地上, park 公园里
        by: river 河边, lake 湖边, bridge 桥边
        on: hill 小山上, island 岛上
        at: market 市场里, school 学校里, castle 城堡里
    """),
    things=_measured("""
        只: kite 风筝
        个: ball 皮球, bell 铃铛, basket 篮子, box 盒子, shell 贝壳
        面: drum 小鼓
        盏: lamp 灯
        把: key 钥匙, umbrella 雨伞
        张: map 地图
        顶: hat 帽子
        条: scarf 围巾
        枚: coin 硬币, ring 戒指
        支: flute 笛子
    """),
    thing_looks=_words("""
        shiny 闪亮的, wooden 木头的, broken 破的, tiny 小巧的, heavy 沉重的, dusty 落满灰尘的, striped 带条纹的
        pretty 漂亮的, magic 神奇的, lucky 幸运的, rusty 生锈的, precious 珍贵的
    """),
    creatures=_words("""
        robin 知更鸟, sparrow 麻雀, butterfly 蝴蝶, beetle 甲虫, snail 蜗牛, swan 天鹅, crow 乌鸦, bee 蜜蜂
        dragonfly 蜻蜓
        spider 蜘蛛, ladybird 瓢虫, swallow 燕子, heron 苍鹭, moth 飞蛾, pigeon 鸽子, cricket 蟋蟀, lizard 蜥蜴
        goose 大鹅, parrot 鹦鹉, magpie 喜鹊
    """),
    colours=_words("""
        red 红色的, blue 蓝色的, yellow 黄色的, white 白色的, black 黑色的, brown 棕色的, grey 灰色的, purple 紫色的
        orange 橙色的, pink 粉色的
    """),
    foods=_measured("""
        个: apple 苹果, pear 梨, plum 李子, cake 蛋糕, pie 馅饼, tomato 番茄, peach 桃子, biscuit 饼干, sandwich 三明治
        个: pancake 煎饼, turnip 萝卜, pumpkin 南瓜, melon 甜瓜, potato 土豆, egg 鸡蛋, dumpling 饺子
        根: carrot 胡萝卜, banana 香蕉, cucumber 黄瓜
        颗: cherry 樱桃, walnut 核桃, strawberry 草莓
    """),
    tastes=_words("""
        sweet 甜甜的, fresh 新鲜的, warm 热乎乎的, ripe 熟透的, juicy 多汁的, tasty 好吃的, salty 咸咸的
        crunchy 脆脆的
    """),
    flowers=_words("""
        tulips 郁金香, daisies 雏菊, roses 玫瑰, violets 紫罗兰, lilies 百合, poppies 罂粟花, herbs 香草, beans 豆子
        peas 豌豆, cabbages 卷心菜, onions 洋葱, radishes 小红萝卜, irises 鸢尾花, mushrooms 蘑菇
    """),
    tunes=_words(
        "merry 欢快的, slow 缓慢的, soft 轻柔的, loud 响亮的, strange 奇怪的, lovely 动听的, short 短短的, long 长长的"
    ),
    weathers=_words("rain 雨, snow 雪, fog 雾, storm 暴风, hail 冰雹"),
    good=_words("happy 高兴, glad 开心, proud 自豪, cheerful 愉快, delighted 欣喜, pleased 满意"),
    bad=_words("sad 难过, worried 担心, upset 烦恼, gloomy 郁闷, unhappy 不快乐, disappointed 失望"),
    wishes=WISHES,
)
