"""Names of concepts: "Windows", "window" and "WINDOW" are one."""

from __future__ import annotations

import re

from ganlab.errors import GanlabError
from ganlab.wording import composed

_IRREGULAR = {
    "people": "person", "men": "man", "women": "woman", "children": "child", "feet": "foot",
    "teeth": "tooth", "mice": "mouse", "geese": "goose", "oxen": "ox", "dice": "die", "quizzes": "quiz",
    "movies": "movie", "cookies": "cookie", "brownies": "brownie", "zombies": "zombie", "selfies": "selfie",
    "hoodies": "hoodie", "birdies": "birdie", "beanies": "beanie", "ties": "tie", "bowties": "bowtie",
    "pies": "pie", "lies": "lie", "toes": "toe", "hoes": "hoe", "shoes": "shoe", "horseshoes": "horseshoe",
    "canoes": "canoe", "menus": "menu", "skis": "ski", "taxis": "taxi", "bikinis": "bikini",
    "kiwis": "kiwi", "lenses": "lens", "gases": "gas", "canvases": "canvas", "atlases": "atlas",
    "irises": "iris", "fuses": "fuse", "moustaches": "moustache", "mustaches": "mustache",
    "headaches": "headache", "axes": "axe", "wolves": "wolf", "halves": "half", "loaves": "loaf",
    "calves": "calf", "scarves": "scarf", "leaves": "leaf", "thieves": "thief", "hooves": "hoof",
    "elves": "elf", "selves": "self", "lives": "life",
}  # fmt: skip
_F_STEMS = ("shelves", "knives", "wives")  # also at the end of a longer word: bookshelves, housewives
_SINGULAR = {
    "glasses", "eyeglasses", "sunglasses", "clothes", "pants", "trousers", "jeans", "shorts", "scissors",
    "binoculars", "series", "species", "gas", "lens", "canvas", "atlas", "alias", "bias", "christmas",
    "pancreas", "news", "gps", "chaos", "cosmos", "pyjamas", "pajamas", "headquarters", "mathematics",
    "physics", "graphics",
}  # fmt: skip


def concept_name(text: str) -> str:
    """The one name of a concept: lower case, blanks between words, singular.

    Only the word that carries the number is changed: the last, or the one before "of" ("chests of drawers"
    becomes "chest of drawers"). Pairs that are worn ("glasses", "trousers") stay as they are. Words that are
    not English keep whatever they end in unless it looks like an English plural.

    Raises:
        GanlabError: there is no name in it.
    """
    words = re.sub(r"[\s_-]+", " ", composed(text)).strip().lower().split(" ")
    if not words[0]:
        raise GanlabError("A concept needs a name.", "For example: window.")
    head = words.index("of") - 1 if "of" in words[1:] else len(words) - 1
    before = ""
    while before != words[head]:
        before, words[head] = words[head], _singular(words[head])
    return " ".join(words)


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word in _SINGULAR or len(word) < 3 or word.endswith(("ss", "us", "is", "'s")) or not word.endswith("s"):
        return word
    if word.endswith(_F_STEMS):
        return word[:-3] + ("fe" if word.endswith(("knives", "wives")) else "f")
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("oes") and len(word) > 4:
        return word[:-2]
    if word.endswith(("sses", "shes", "ches", "xes", "tzes", "zzes")):
        return word[:-2]
    if word.endswith("uses") and not word.endswith("ouses"):  # buses, cactuses; but houses, blouses
        return word[:-2]
    return word[:-1]
