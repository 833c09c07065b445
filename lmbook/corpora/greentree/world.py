"""The state of the world in a story: who is there, who holds what, where everybody is, the weather."""

from __future__ import annotations

from dataclasses import dataclass

HERO, FRIEND, BOTH = "hero", "friend", "both"
LOST = "lost"


@dataclass
class World:
    """What is true at one moment of a story. Words are the English ones of the lexicon.

    The hero and the friend (once met) travel together. `holder` is None (no thing yet), HERO, FRIEND or LOST.
    `subject` is who the last sentence was about: that person may be called "he" or "she" in the next one.
    """

    look: str = ""
    plant: str = ""
    home: str = ""  # the place of the plant
    place: str = ""
    hero: str = ""
    hero_kind: str = ""
    hero_trait: str = ""
    friend: str = ""
    friend_kind: str = ""
    friend_trait: str = ""
    topic: str = ""
    thing: str = ""
    thing_look: str = ""
    holder: str | None = None
    lost_place: str = ""
    weather: str = ""
    subject: str | None = None
    mood: str = ""
    sentences: int = 0

    @property
    def at_plant(self) -> bool:
        return self.place == self.home

    def name(self, who: str) -> str:
        return self.hero if who == HERO else self.friend

    def other(self, who: str) -> str:
        return FRIEND if who == HERO else HERO

    def present(self) -> list[str]:
        """The characters of the story so far."""
        return [HERO, FRIEND] if self.friend else [HERO]

    def signature(self) -> tuple:
        """All that the probabilities of the rest of the story depend on; worlds that differ only in words share it."""
        lost_home = self.holder == LOST and self.lost_place == self.home
        return (
            self.sentences,
            self.topic,
            bool(self.friend),
            self.holder,
            self.at_plant,
            lost_home,
            bool(self.weather),
            self.subject,
        )
