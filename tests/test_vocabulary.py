"""The words of group names, read by a labeler's own list."""

from __future__ import annotations

import pytest

from ganlab import GanlabError, said_by, with_unsaid, words_of
from ganlab_synthetic.faces.labeler import CONCEPTS, MEASURES
from ganlab_synthetic.faces.labeler_making import UNSAID, WORDS

from .planted import Truth
from .planted_faces import Reader


@pytest.mark.parametrize(
    ("name", "attributes", "unknown"),
    [
        ("smiling_woman", {"smile": True, "woman": True}, ()),
        ("Neutral_Man", {"smile": False, "woman": False}, ()),
        ("man_with_glasses", {"woman": False, "glasses": True}, ()),
        ("old_man_2", {"woman": False}, ("old", "2")),
        ("with_hat", {}, ("with", "hat")),
        ("left", {"yaw": -1}, ()),
        ("man_man", {"woman": False}, ()),
        ("_", {}, ()),
    ],
)
def test_names_are_read_by_the_longest_words_known(name: str, attributes: dict, unknown: tuple) -> None:
    said = said_by(Reader(), name)
    assert (said.attributes, said.unknown) == (attributes, unknown)


def test_a_name_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(GanlabError, match="'smile' and its opposite"):
        said_by(Reader(), "smiling_neutral_man")


def test_what_is_unsaid_has_the_cards_default_where_another_name_speaks() -> None:
    man, glasses, yaw = ({"woman": False}, {"woman": False, "glasses": True}, {"yaw": -1})
    assert with_unsaid(Reader(), [man, glasses]) == [{"woman": False, "glasses": False}, glasses]
    assert with_unsaid(Reader(), [man, yaw]) == [man, yaw]  # nobody speaks of glasses
    assert with_unsaid(Reader(), [{}, glasses]) == [{}, glasses]  # what says nothing, as typed pictures, means nothing
    assert with_unsaid(Truth(), [{"window": True}, {"lamp": True}]) == [{"window": True}, {"lamp": True}]


def test_without_a_list_the_concepts_are_the_words() -> None:
    assert words_of(Truth())["no_window"] == {"window": False}
    assert said_by(Truth(), "window_no_lamp").attributes == {"window": True, "lamp": False}


def test_the_words_of_faces_speak_of_what_its_labeler_knows() -> None:
    known = {*CONCEPTS, *MEASURES}
    assert {attribute for said in WORDS.values() for attribute in said} <= known
    assert set(UNSAID) <= set(CONCEPTS)
