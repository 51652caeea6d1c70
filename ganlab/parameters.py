"""The options of an analysis, read from one annotated parameter each."""

from __future__ import annotations

import inspect
import math
import types
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin

from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.wording import option_name

PLAIN_TYPES = (int, float, str, bool, Path)
GAN_HELP = "the GAN: a name (`ganlab checkpoints`), a folder, a file or FORMAT:PATH"


@dataclass(frozen=True)
class Range:
    """The smallest and the largest value a number may have, both allowed; None for no bound."""

    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.high is None:
            return f"at least {self.low}"
        return f"at most {self.high}" if self.low is None else f"between {self.low} and {self.high}"

    def __contains__(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Parameter:
    """One option of an analysis.

    Attributes:
        name: as in the function's signature.
        type: what one value is: int, float, str, bool, Path, a Literal, or a source.
        help: one line for the help page.
        kind: "plain", "choice" (a Literal) or "source" (a class with ``from_spec(str)``).
        required: it has no default, so it is positional on the command line (but for ``gan``).
        default: the value when nothing is given.
        many: it takes a list of such values.
        optional: it may be None.
        range: the bounds of a number, or None.
    """

    name: str
    type: Any
    help: str
    kind: Literal["plain", "choice", "source"] = "plain"
    required: bool = True
    default: Any = None
    many: bool = False
    optional: bool = False
    range: Range | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a choice; empty for other kinds."""
        return get_args(self.type) if self.kind == "choice" else ()

    @property
    def finds_gan(self) -> bool:
        """Whether this is the parameter ``gan: Gan``, for which a command finds a GAN by itself."""
        return self.name == "gan" and self.holds_gan and self.required and not self.many

    @property
    def positional(self) -> bool:
        """Whether it stands on the command line by its place: it has no default, and is no GAN that is found."""
        return self.required and not self.finds_gan

    @property
    def options(self) -> tuple[str, ...]:
        """What it is on the command line, with what turns a switch off that may be on; empty if positional."""
        if self.positional:
            return ()
        own = option_name(self.name)
        off = self.type is bool and not self.many and self.default is not False
        return (own, option_name(f"no_{self.name.strip('_')}")) if off else (own,)

    @property
    def holds_gan(self) -> bool:
        """Whether its values are GANs."""
        return self.kind == "source" and issubclass(self.type, Gan)

    def read(self, value: Any) -> Any:
        """A value as the function wants it: text becomes the source it names, numbers keep to their range.

        Raises:
            GanlabError: out of range, no such choice, or a source that cannot be opened.
            TypeError: the wrong type.
        """
        if value is None and self.optional:
            return None
        if not self.many:
            return self._read_one(value)
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise TypeError(f"{self.name} takes a list, not {value!r}")
        return [self._read_one(one) for one in value]

    def describe(self, given: Any, value: Any) -> Any:
        """A value in words that JSON can hold: sources by what was typed, or by the name they carry."""
        if value is None:
            return None
        if self.many:
            return [self._describe_one(*pair) for pair in zip(given, value, strict=True)]
        return self._describe_one(given, value)

    def _read_one(self, value: Any) -> Any:
        if self.kind == "source":
            if isinstance(value, (str, Path)):
                return self.type.from_spec(str(value))
            if not isinstance(value, self.type):
                kind, given = self.type.__name__, type(value).__name__
                raise TypeError(f"{self.name} takes text that names it or an object of the class {kind}, not {given}")
            return value
        if self.kind == "choice":
            if value not in self.choices:
                raise GanlabError(f"{self.name} cannot be {value!r}.", f"Choose one of: {', '.join(self.choices)}.")
            return value
        value = _plain(self.name, self.type, value)
        if self.range is not None and value not in self.range:
            raise GanlabError(f"{self.name} is {value}, but must be {self.range}.", self.help)
        return value

    def _describe_one(self, given: Any, value: Any) -> Any:
        if self.holds_gan:
            return {"name": value.name, "hash": value.hash}
        if self.kind != "source":
            return str(value) if isinstance(value, Path) else value
        if isinstance(given, (str, Path)):
            return str(given)
        return str(getattr(value, "source", None) or getattr(value, "name", None) or type(value).__name__)


def read_parameter(analysis: str, parameter: inspect.Parameter, annotation: Any) -> Parameter:
    """What an annotated parameter of an analysis says.

    Raises:
        TypeError: it says too little, or something the command line could not offer; the message names it.
    """
    name = parameter.name
    if (
        parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD
        and parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ):
        reject(analysis, name, "must be an ordinary parameter: no *args, no **kwargs, nothing positional-only")
    if not name.strip("_"):
        reject(analysis, name, "has no letter to make an option of")
    annotation, help, bounds = _split(analysis, name, annotation)
    annotation, optional = _without_none(annotation)
    many = get_origin(annotation) is list
    if many:
        (annotation,) = get_args(annotation)
    kind = _kind(annotation)
    if kind is None:
        reject(
            analysis,
            name,
            f"has the type {annotation!r}; there are int, float, str, bool, Path, Literal of strings, "
            "classes with from_spec(str), lists of these, and `| None`",
        )
    if bounds is not None:
        _check_range(analysis, name, annotation, bounds)
    required = parameter.default is inspect.Parameter.empty
    default = None if required else parameter.default
    read = Parameter(name, annotation, help, kind, required, default, many, optional, bounds)
    _check_default(analysis, read)
    return read


def reject(analysis: str, parameter: str, why: str) -> NoReturn:
    """Refuse a signature."""
    what = "the return value" if parameter == "return" else f"parameter {parameter!r}"
    raise TypeError(f"analysis {analysis!r}: {what} {why}")


def _split(analysis: str, name: str, annotation: Any) -> tuple[Any, str, Range | None]:
    """Type, help and bounds of ``Annotated[type, "help", Range(...)]``."""
    if name == "gan" and isinstance(annotation, type) and issubclass(annotation, Gan):
        return annotation, GAN_HELP, None
    if annotation is None:
        reject(analysis, name, 'has no annotation; write `Annotated[type, "help"]`')
    if get_origin(annotation) is not Annotated:
        reject(analysis, name, 'has no help; write `Annotated[type, "help"]` around the whole type')
    kept, *notes = get_args(annotation)
    texts = [note for note in notes if isinstance(note, str)]
    ranges = [note for note in notes if isinstance(note, Range)]
    if len(texts) != 1 or not texts[0].strip() or len(ranges) > 1 or len(texts) + len(ranges) != len(notes):
        reject(analysis, name, 'needs one help text and at most a Range: `Annotated[int, "help", Range(1)]`')
    return kept, texts[0].strip(), ranges[0] if ranges else None


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (Union, types.UnionType):
        others = [part for part in get_args(annotation) if part is not type(None)]
        if len(others) == 1:
            return others[0], True
    return annotation, False


def _kind(annotation: Any) -> Literal["plain", "choice", "source"] | None:
    if annotation in PLAIN_TYPES:
        return "plain"
    if get_origin(annotation) is Literal:
        return "choice" if all(isinstance(choice, str) for choice in get_args(annotation)) else None
    if isinstance(annotation, type) and callable(getattr(annotation, "from_spec", None)):
        return "source"
    return None


def _check_range(analysis: str, name: str, number: Any, bounds: Range) -> None:
    if number not in (int, float):
        reject(analysis, name, "has a Range but is no number")
    given = [bound for bound in (bounds.low, bounds.high) if bound is not None]
    if not all(math.isfinite(bound) for bound in given):
        reject(analysis, name, "has a Range with a bound that is no finite number; None is for no bound")
    if number is int and not all(bound == int(bound) for bound in given):
        reject(analysis, name, "is an int, so that the bounds of its Range must be whole numbers")
    if given != sorted(given):
        reject(analysis, name, f"has a Range that holds nothing: {bounds}")


def _check_default(analysis: str, parameter: Parameter) -> None:
    if parameter.required:
        if parameter.type is bool:
            reject(analysis, parameter.name, "is a switch and needs a default: `= False`")
        if parameter.optional:
            reject(analysis, parameter.name, "may be None and needs the default None")
        return
    if parameter.default is None:
        if not parameter.optional:
            reject(analysis, parameter.name, "has the default None, so its type must allow it: `| None`")
        return
    if parameter.kind == "source":
        _check_source_default(analysis, parameter)
        return
    try:
        parameter.read(parameter.default)
    except (GanlabError, TypeError) as error:
        reject(analysis, parameter.name, f"has a default it would refuse: {error}")


def _check_source_default(analysis: str, parameter: Parameter) -> None:
    if not parameter.many:
        if not isinstance(parameter.default, str):
            reject(analysis, parameter.name, "is a source: its default is None or the text a person would type")
    elif not isinstance(parameter.default, (list, tuple)) or not all(isinstance(one, str) for one in parameter.default):
        reject(
            analysis,
            parameter.name,
            "is a list of sources: its default is None or a list of the texts a person would type, perhaps empty",
        )


def _plain(name: str, wanted: type, value: Any) -> Any:
    """A plain value of the wanted type; numpy's numbers become Python's."""
    if wanted is bool or isinstance(value, bool):
        fits = wanted is bool and isinstance(value, bool)
    elif wanted is int:
        fits = isinstance(value, Integral)
    elif wanted is float:
        fits = isinstance(value, Real)
        if fits and not math.isfinite(value):
            raise GanlabError(f"{name} must be a finite number, not {value}.", "Give a plain number.")
    elif wanted is Path:
        fits = isinstance(value, (str, Path))
    else:
        fits = isinstance(value, wanted)
    if not fits:
        raise TypeError(f"{name} must be of type {wanted.__name__}, not {value!r}")
    return wanted(value)
