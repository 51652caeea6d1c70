"""What is said of a name that nothing has."""

from __future__ import annotations

from ganlab.wording import LISTED, did_you_mean, few, suggest

KNOWN = ["smiling", "neutral", "man"]


def test_near_names_are_asked_and_all_are_listed() -> None:
    assert suggest("smilling", KNOWN) == "Did you mean smiling? There are: smiling, neutral, man."
    assert suggest("SMILING", KNOWN, "Words") == "Did you mean smiling? Words: smiling, neutral, man."
    assert suggest("xyz", KNOWN) == "There are: smiling, neutral, man."
    assert suggest("xyz", []) == "There are: none."


def test_several_are_near() -> None:
    assert did_you_mean("up3.relu", ["up1.relu", "up3.relu2", "fc"]) == "Did you mean up3.relu2 or up1.relu?"
    assert did_you_mean("up3.relu", ["fc"]) == ""


def test_many_are_cut_short() -> None:
    many = [f"layer{number:03}" for number in range(LISTED + 3)]
    assert few(many[:LISTED]).count(",") == LISTED - 1
    assert few(many).endswith(f"{many[LISTED - 1]} and 3 more")
    assert few("abcd", 3) == "a, b, c and 1 more"
    assert few("abc", 3) == "a, b, c"
    assert few(["\n a", "\n b"], 1, between="") == "\n a and 1 more"
    assert "Did you mean layer042" in suggest("layer042x", many)
