"""``@analysis``: what a signature may say, and what calling one does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pytest

from ganlab.analyses import Analysis, analysis
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.labels.labelers import Labeler
from ganlab.parameters import Range
from ganlab.results import Metric, Result
from ganlab.testing import tiny_gan

if TYPE_CHECKING:
    from ganlab.labels.boxes import Boxes as OnlyForTypeCheckers


class Shelf:
    """A source of the test's own."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def from_spec(cls, spec: str) -> Shelf:
        if spec == "missing":
            raise GanlabError("There is no shelf 'missing'.", "Try another.")
        return cls(spec)


@analysis
def everything(
    gan: Gan,
    concept: Annotated[str, "what to look for"],
    n: Annotated[int, "how many pictures", Range(1, 1000)] = 4,
    share: Annotated[float, "a share", Range(0, 1)] = 0.5,
    drop: Annotated[bool, "drop it"] = False,
    how: Annotated[Literal["mean", "median"], "which middle"] = "mean",
    words: Annotated[list[str], "some words"] = [],  # noqa: B006
    file: Annotated[Path | None, "a file"] = None,
    shelf: Annotated[Shelf | None, "a shelf"] = None,
    shelves: Annotated[list[Shelf] | None, "more shelves"] = None,
    others: Annotated[list[Gan] | None, "more GANs"] = None,
) -> Result:
    """Everything at once.

    The second paragraph.
    """
    everything_seen.update(locals())
    return Result("It is 1.", {"one": Metric(1.0, no_control="always one")}, record={"own": 7})


everything_seen: dict[str, Any] = {}


def test_the_signature_is_read() -> None:
    assert everything.name == "everything"
    assert everything.summary == "Everything at once."
    assert "second paragraph" in everything.help
    assert everything.takes_gan
    kinds = {
        parameter.name: (parameter.kind, parameter.many, parameter.optional) for parameter in everything.parameters
    }
    assert kinds == {
        "gan": ("source", False, False),
        "concept": ("plain", False, False),
        "n": ("plain", False, False),
        "share": ("plain", False, False),
        "drop": ("plain", False, False),
        "how": ("choice", False, False),
        "words": ("plain", True, False),
        "file": ("plain", False, True),
        "shelf": ("source", False, True),
        "shelves": ("source", True, True),
        "others": ("source", True, True),
    }
    assert [parameter.name for parameter in everything.parameters if parameter.required] == ["gan", "concept"]
    assert everything.parameters[5].choices == ("mean", "median")
    assert all(parameter.help for parameter in everything.parameters)


def test_calling_opens_sources_and_fills_the_record(tmp_path: Path) -> None:
    gan = tiny_gan()
    result = everything(
        gan, "window", n=np.int64(3), shelf="oak", shelves=["a", Shelf("b")], file="x.txt", others=[gan]
    )
    assert everything_seen["shelf"].name == "oak"
    assert everything_seen["file"] == Path("x.txt")
    assert type(everything_seen["n"]) is int
    assert result.record == {
        "analysis": "everything",
        "plugin": None,
        "gan": {"name": gan.name, "hash": gan.hash},
        "options": {
            "concept": "window",
            "n": 3,
            "share": 0.5,
            "drop": False,
            "how": "mean",
            "words": [],
            "file": "x.txt",
            "shelf": "oak",
            "shelves": ["a", "b"],
            "others": [{"name": gan.name, "hash": gan.hash}],
        },
        "own": 7,
    }
    assert result.to_json()


def test_a_gan_may_be_named(tmp_path: Path) -> None:
    from ganlab.checkpoints import save_gan

    gan = tiny_gan()
    save_gan(gan, tmp_path / "tiny")
    assert everything(str(tmp_path / "tiny"), "bed").record["gan"]["hash"] == gan.hash


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n is 0, but must be between 1 and 1000"),
        ({"share": 1.5}, "share is 1.5, but must be between 0 and 1"),
        ({"share": float("nan")}, "share must be a finite number"),
        ({"how": "mode"}, "how cannot be 'mode'"),
        ({"shelf": "missing"}, "There is no shelf"),
    ],
)
def test_what_the_user_can_mend(options: dict[str, Any], message: str) -> None:
    with pytest.raises(GanlabError, match=message):
        everything(tiny_gan(), "window", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"n": "3"},
        {"n": 2.5},
        {"n": True},
        {"drop": 1},
        {"words": "window"},
        {"concept": 3},
        {"n": None},
        {"unknown": 1},
    ],
)
def test_wrong_types_are_programming_errors(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        everything(**{"gan": tiny_gan(), "concept": "window", **options})


# what the decorator refuses: (the function, words of the message)
def _no_annotation(k) -> Result: ...  # type: ignore[no-untyped-def, empty-body]
def _no_help(k: int) -> Result: ...  # type: ignore[empty-body]
def _empty_help(k: Annotated[int, "  "]) -> Result: ...  # type: ignore[empty-body]
def _two_helps(k: Annotated[int, "a", "b"]) -> Result: ...  # type: ignore[empty-body]
def _help_inside(k: Annotated[int, "a"] | None = None) -> Result: ...  # type: ignore[empty-body]
def _odd_type(k: Annotated[dict[str, int], "a"]) -> Result: ...  # type: ignore[empty-body]
def _odd_union(k: Annotated[int | str, "a"]) -> Result: ...  # type: ignore[empty-body]
def _nested_list(k: Annotated[list[list[int]], "a"]) -> Result: ...  # type: ignore[empty-body]
def _number_choice(k: Annotated[Literal[1, 2], "a"]) -> Result: ...  # type: ignore[empty-body]
def _ranged_text(k: Annotated[str, "a", Range(1)]) -> Result: ...  # type: ignore[empty-body]
def _unresolved(k: Annotated[OnlyForTypeCheckers, "a"]) -> Result: ...  # type: ignore[empty-body]
def _none_default(k: Annotated[int, "a"] = None) -> Result: ...  # type: ignore[assignment, empty-body]  # noqa: RUF013
def _refused_default(k: Annotated[int, "a", Range(5)] = 1) -> Result: ...  # type: ignore[empty-body]
def _odd_default(k: Annotated[int, "a"] = 0.5) -> Result: ...  # type: ignore[assignment, empty-body]
def _source_default(k: Annotated[Shelf, "a"] = Shelf("x")) -> Result: ...  # type: ignore[empty-body] # noqa: B008
def _switch(k: Annotated[bool, "a"]) -> Result: ...  # type: ignore[empty-body]
def _starred(*k: Annotated[int, "a"]) -> Result: ...  # type: ignore[empty-body]
def _reserved(device: Annotated[str, "a"] = "cpu") -> Result: ...  # type: ignore[empty-body]
def _gan_of_another_type(gan: Annotated[str, "a"]) -> Result: ...  # type: ignore[empty-body]
def _no_source_list(k: Annotated[list[Shelf], "a"] = "x") -> Result: ...  # type: ignore[assignment, empty-body]
def _odd_source_list(k: Annotated[list[Shelf], "a"] = [Shelf("x")]) -> Result: ...  # type: ignore[empty-body] # noqa: B006, B008
def _two_lists(j: Annotated[list[int], "a"], k: Annotated[list[int], "b"]) -> Result: ...  # type: ignore[empty-body]
def _half_range(k: Annotated[int, "a", Range(0.5, 2.5)] = 1) -> Result: ...  # type: ignore[empty-body]
def _infinite_range(k: Annotated[int, "a", Range(1, float("inf"))] = 1) -> Result: ...  # type: ignore[empty-body]
def _empty_range(k: Annotated[float, "a", Range(5, 1)]) -> Result: ...  # type: ignore[empty-body]
def _two_negations(j: Annotated[bool, "a"] = True, no_j: Annotated[bool, "b"] = False) -> Result: ...  # type: ignore[empty-body]
def _one_spelling(k: Annotated[int, "a"] = 1, k_: Annotated[int, "b"] = 2) -> Result: ...  # type: ignore[empty-body]
def _spelt_as_reserved(out_: Annotated[int, "a"] = 1) -> Result: ...  # type: ignore[empty-body]
def _no_letter(_: Annotated[int, "a"] = 1) -> Result: ...  # type: ignore[empty-body]
def _nothing_returned(k: Annotated[int, "a"]): ...  # type: ignore[no-untyped-def]
def _number_returned(k: Annotated[int, "a"]) -> int: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_no_annotation, "'k' has no annotation"),
        (_no_help, "'k' has no help"),
        (_empty_help, "'k' needs one help text"),
        (_two_helps, "'k' needs one help text"),
        (_help_inside, "'k' has no help; write .* around the whole type"),
        (_odd_type, "'k' has the type dict"),
        (_odd_union, r"'k' has the type int \| str"),
        (_nested_list, "'k' has the type list"),
        (_number_choice, "'k' has the type"),
        (_ranged_text, "'k' has a Range but is no number"),
        (_unresolved, "'k' has an annotation that cannot be resolved .*OnlyForTypeCheckers.*: import its type"),
        (_none_default, "'k' has the default None, so its type must allow it"),
        (_refused_default, "'k' has a default it would refuse: k is 1, but must be at least 5"),
        (_odd_default, "'k' has a default it would refuse"),
        (_source_default, "'k' is a source"),
        (_switch, "'k' is a switch and needs a default"),
        (_starred, "'k' must be an ordinary parameter"),
        (_reserved, "'device' is an option of every command"),
        (_gan_of_another_type, "'gan' must be a Gan"),
        (_no_source_list, "'k' is a list of sources: its default is None or a list of the texts"),
        (_odd_source_list, "'k' is a list of sources"),
        (_two_lists, "'k' is a list without default, as is 'j'"),
        (_half_range, "'k' is an int, so that the bounds of its Range must be whole numbers"),
        (_infinite_range, "'k' has a Range with a bound that is no finite number"),
        (_empty_range, "'k' has a Range that holds nothing: between 5 and 1"),
        (_two_negations, "'no_j' is --no-j on the command line, as is 'j'"),
        (_one_spelling, "'k_' is --k on the command line, as is 'k'"),
        (_spelt_as_reserved, "'out_' is an option of every command"),
        (_no_letter, "'_' has no letter"),
        (_nothing_returned, "must be annotated to return a Result"),
        (_number_returned, "must be annotated to return a Result"),
    ],
)
def test_a_signature_that_says_too_little(function: Callable[..., Result], words: str) -> None:
    function.__doc__ = "Help."
    with pytest.raises(TypeError, match=words):
        analysis(function)


def test_a_docstring_is_needed() -> None:
    def silent() -> Result: ...  # type: ignore[empty-body]

    with pytest.raises(TypeError, match="needs a docstring"):
        analysis(silent)


def test_a_name_and_a_gan_of_its_own() -> None:
    @analysis(name="other-name", default_gan="rooms-64")
    def one_name(gan: Gan) -> Result:
        """Help."""
        return Result("1.", {})

    assert isinstance(one_name, Analysis)
    assert (one_name.name, one_name.default_gan) == ("other-name", "rooms-64")


def test_lists_of_sources_have_texts_for_defaults() -> None:
    seen: list[list[str]] = []

    @analysis
    def listing(
        none: Annotated[list[Shelf], "no shelves"] = [],  # noqa: B006
        two: Annotated[list[Shelf], "two shelves"] = ["oak", "elm"],  # type: ignore[list-item] # noqa: B006
    ) -> Result:
        """Help."""
        seen.extend([one.name for one in shelves] for shelves in (none, two))
        return Result("1.", {})

    assert listing().record["options"] == {"none": [], "two": ["oak", "elm"]}
    assert seen == [[], ["oak", "elm"]]


def test_any_name_can_be_a_parameters() -> None:
    @analysis
    def taken(self: Annotated[int, "a"] = 1, args: Annotated[int, "b"] = 2) -> Result:
        """Help."""
        return Result(f"{self} {args}.", {})

    assert taken(self=5, args=6).summary == "5 6."


def test_only_results_with_controls_come_out() -> None:
    @analysis
    def faulty(what: Annotated[str, "which fault"]) -> Result:
        """Help."""
        if what == "type":
            return 3  # type: ignore[return-value]
        return Result("1.", {"nan": Metric(float("nan"), no_control="x")})

    with pytest.raises(TypeError, match="returned int, not a Result"):
        faulty("type")
    with pytest.raises(ValueError, match="nan"):
        faulty("nan")


class Judge(Labeler):
    name, concepts, domain = "judge", ("lamp",), "anything"
    card = MappingProxyType({"trust": "it takes moons for lamps"})

    def shows(self, images: Any, image: Any) -> np.ndarray:
        return np.ones((len(images), 1), bool)


NOTES = ["always the same"]


@analysis
def judged(words: Annotated[list[str], "some words"], labeler: Annotated[Labeler | None, "who looks"] = None) -> Result:
    """Changes what it was given, and keeps its notes in a constant."""
    words.append("own")
    return Result("One.", notes=NOTES)


def test_the_record_says_what_was_given_and_a_constant_of_the_plugin_stays_as_it_is() -> None:
    for _ in range(2):
        result = judged(["a"], Judge())
        assert result.record["options"]["words"] == ["a"]
        assert result.notes == ["always the same", "How far to trust the labeler 'judge': it takes moons for lamps"]
    assert NOTES == ["always the same"]


class Own(Result):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.more = 7


def test_a_result_of_the_plugins_own_class_comes_out_as_it_is() -> None:
    @analysis
    def special(n: Annotated[int, "how many"] = 1) -> Own:
        """Gives more."""
        return Own("One.")

    found = special()
    assert isinstance(found, Own)
    assert (found.more, found.record["analysis"]) == (7, "special")


def test_what_an_analysis_said_of_its_judge_is_not_said_twice() -> None:
    @analysis
    def cautious(labeler: Annotated[Labeler, "who looks"]) -> Result:
        """Says it itself."""
        return Result("One.", notes=labeler.cautions)

    assert cautious(Judge()).notes == Judge().cautions
