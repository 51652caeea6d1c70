"""``@analysis``: an annotated function becomes an investigation for shell, notebook, page and tests.

The function's signature is the only place where an option is written down::

    @analysis
    def brightness(
        gan: Gan,
        n: Annotated[int, "how many pictures", Range(1)] = 64,
        seed: Annotated[int, "names the pictures"] = 0,
    ) -> Result:
        \"\"\"How bright a GAN's pictures are.\"\"\"

An analysis returns all it has to say as a :class:`ganlab.Result`. It writes no file, prints nothing, leaves
no hook behind, changes no weight and touches no global random state; ``ganlab.testing.check_analysis`` holds
it to that.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints, overload

from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.labels.labelers import Labeler
from ganlab.networks.devices import full_float32
from ganlab.parameters import Parameter, Range, read_parameter, reject
from ganlab.results import Result

__all__ = ["Analysis", "Parameter", "Range", "analysis"]

# options of every command of an analysis, and what Typer adds
RESERVED_OPTIONS = ("device", "help", "json", "out", "traceback")


class Analysis:
    """An investigation: call it with a GAN and options, get a :class:`ganlab.Result`.

    Attributes:
        name: what it is called on the command line.
        summary: the first line of the function's docstring.
        help: the whole docstring.
        parameters: its options, in order.
        function: the function itself.
        default_gan: name of the shipped GAN it shows best, or None for any.
        all_classes: it draws all classes of a conditional GAN, so that there is none to choose.
        plugin: name of the plugin that brought it, or None outside of one.
    """

    def __init__(
        self,
        function: Callable[..., Result],
        name: str | None = None,
        default_gan: str | None = None,
        all_classes: bool = False,
    ) -> None:
        self.function = function
        self.name = name or function.__name__.replace("_", "-")
        self.help = inspect.getdoc(function) or ""
        if not self.help:
            raise TypeError(f"analysis {self.name!r} needs a docstring: its first line is the help")
        self.summary = self.help.partition("\n")[0]
        self.signature = inspect.signature(function)
        hints = _resolved_annotations(self.name, function)
        self.parameters = tuple(
            read_parameter(self.name, parameter, hints.get(name))
            for name, parameter in self.signature.parameters.items()
        )
        _check_together(self.name, self.parameters)
        returned = hints.get("return")
        if not (isinstance(returned, type) and issubclass(returned, Result)):
            raise TypeError(f"analysis {self.name!r} must be annotated to return a Result: `-> Result`")
        self.default_gan = default_gan
        self.all_classes = all_classes
        self.plugin: str | None = None
        functools.update_wrapper(self, function)

    @classmethod
    def from_spec(cls, spec: str) -> Analysis:
        """The installed analysis of this command: ``"walk"``, or ``"NAME ANALYSIS"`` where a plugin brings several.

        Raises:
            GanlabError: no plugin brings it, or its plugin was left out.
        """
        from ganlab.plugins import host  # late: plugins know analyses, so analyses cannot know plugins

        plugin, _, name = spec.partition(" ")
        if plugin not in host().entries:
            raise GanlabError(f"There is no command {plugin!r}.", "`ganlab plugins` tells what is installed.")
        analyses = {word: thing for word, thing in host().offers(plugin).items() if isinstance(thing, cls)}
        if not name and len(analyses) == 1:
            return next(iter(analyses.values()))
        if name not in analyses:
            known = ", ".join(f"{plugin} {word}" for word in analyses) or "none"
            raise GanlabError(f"{spec!r} is no analysis.", f"The analyses of {plugin}: {known}.")
        return analyses[name]

    def __repr__(self) -> str:
        return f"<analysis {self.name}{self.signature}>"

    def __reduce__(self) -> str:
        """Pickled by its name, as functions are."""
        return self.function.__qualname__

    @property
    def takes_gan(self) -> bool:
        """Whether it has the option ``--gan`` that finds a GAN by itself."""
        return any(parameter.finds_gan for parameter in self.parameters)

    def __call__(self, /, *args: Any, **options: Any) -> Result:
        """Run the investigation.

        Sources (a GAN, pictures, boxes, a labeler) can be given as objects or as the text a person would
        type.

        Raises:
            GanlabError: an option out of its range or choices, a source that cannot be opened.
            TypeError: an unknown or missing option, one of the wrong type (also a source that is another object), or a
                function that returned no Result.
            ValueError: the result has a NaN, no summary, or a number without its control.
        """
        bound = self.signature.bind(*args, **options)
        bound.apply_defaults()
        values = {parameter.name: parameter.read(bound.arguments[parameter.name]) for parameter in self.parameters}
        record = self._record(bound.arguments, values)  # before the function can change a list of them
        judges = _notes_of_judges(values.values())
        with full_float32():
            result = self.function(**values)
        if not isinstance(result, Result):
            raise TypeError(f"analysis {self.name!r} returned {type(result).__name__}, not a Result")
        result.check()
        notes = [*result.notes, *(note for note in judges if note not in result.notes)]
        whole = copy.copy(result)  # what the function returned stays its own
        whole.record, whole.notes = {**result.record, **record}, notes
        return whole

    def _record(self, given: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """What determined the result, in words that JSON can hold."""
        record: dict[str, Any] = {"analysis": self.name, "plugin": self.plugin or self._brought_by()}
        record["options"] = {
            parameter.name: parameter.describe(given[parameter.name], values[parameter.name])
            for parameter in self.parameters
            if not parameter.finds_gan
        }
        gan = values.get("gan")
        if isinstance(gan, Gan):
            record["gan"] = {"name": gan.name, "hash": gan.hash}
        return record

    def _brought_by(self) -> str | None:
        """The installed plugin whose module defines it, also where nobody has asked the host for it yet."""
        from ganlab.plugins import host  # late: plugins know analyses, so analyses cannot know plugins

        package = self.function.__module__.partition(".")[0]
        return next((entry.name for entry in host().entries.values() if entry.module == package), None)


def _notes_of_judges(values: Iterable[Any]) -> list[str]:
    """How far to trust each labeler, and whether anybody has validated it on each GAN: then the GAN's card names it."""
    given = [one for value in values for one in (value if isinstance(value, list) else [value])]
    labelers = [one for one in given if isinstance(one, Labeler)]
    gans = [one for one in given if isinstance(one, Gan)]
    return [caution for labeler in labelers for caution in labeler.cautions] + [
        f"The labeler {labeler.name!r} was made for {labeler.domain}; whether it is right about the pictures of "
        f"{gan.name!r} nobody has checked."
        for labeler in labelers
        for gan in gans
        if gan.card.facts.get("labeler") != labeler.name
    ]


@overload
def analysis(function: Callable[..., Result], /) -> Analysis: ...
@overload
def analysis(
    *, name: str | None = None, default_gan: str | None = None, all_classes: bool = False
) -> Callable[[Callable[..., Result]], Analysis]: ...
def analysis(
    function: Callable[..., Result] | None = None,
    /,
    *,
    name: str | None = None,
    default_gan: str | None = None,
    all_classes: bool = False,
) -> Analysis | Callable[[Callable[..., Result]], Analysis]:
    """Mark a function as an investigation.

    Each parameter is ``Annotated[type, "help"]``, where the type is

    - ``int``, ``float``, ``str``, ``bool`` or ``pathlib.Path``, numbers perhaps with a :class:`Range`;
    - a ``Literal`` of strings;
    - a *source*: a class with ``from_spec(str)``, such as ``Gan``, ``Images``, ``Boxes``, ``Labeler`` or your
      own;
    - ``list[...]`` of one of these, or ``... | None`` with the default None.

    A parameter without default is positional on the command line, of lists at most one. The default of a source is
    the text that a person would type. Options are spelt as parameters are, with hyphens and without underscores at
    the ends. A parameter ``gan: Gan`` without default becomes ``--gan``: the command finds a GAN where the user names
    none.

    Args:
        name: what it is called on the command line; the function's name with hyphens by default.
        default_gan: name of the shipped GAN to take where the user names none.
        all_classes: it draws all classes of a conditional GAN, and refuses one that draws a single one: its command
            has no ``--label``.

    Raises:
        TypeError: the signature cannot be read; the message names the parameter.
    """
    if function is not None:
        return Analysis(function)
    return lambda function: Analysis(function, name, default_gan, all_classes)


def _check_together(analysis_name: str, parameters: Iterable[Parameter]) -> None:
    """That no parameter takes a name that belongs to another or to every command.

    Raises:
        TypeError: it does, or the command line could not tell two lists from each other.
    """
    owners: dict[str, str] = {}
    rest = ""  # the parameter that takes all that is left of the line
    for parameter in parameters:
        name = parameter.name
        if {name, *(option.removeprefix("--") for option in parameter.options)} & set(RESERVED_OPTIONS):
            reject(analysis_name, name, f"is an option of every command; reserved are {', '.join(RESERVED_OPTIONS)}")
        if name == "gan" and not parameter.holds_gan:
            reject(analysis_name, "gan", "must be a Gan")
        for option in parameter.options:
            if option in owners:
                reject(analysis_name, name, f"is {option} on the command line, as is {owners[option]!r}")
            owners[option] = name
        if parameter.positional and parameter.many:
            if rest:
                reject(
                    analysis_name,
                    name,
                    f"is a list without default, as is {rest!r}: nobody could tell where one ends; give it a default",
                )
            rest = name


def _resolved_annotations(analysis_name: str, function: Callable[..., Any]) -> dict[str, Any]:
    """Each annotation as an object, also where ``from __future__ import annotations`` made it text."""
    hints: dict[str, Any] = {}
    for name, annotation in function.__annotations__.items():
        holder = type("holder", (), {"__annotations__": {name: annotation}, "__module__": function.__module__})
        try:
            hints |= get_type_hints(
                holder,
                vars(inspect.getmodule(function) or holder) | function.__globals__,
                include_extras=True,
            )
        except (NameError, TypeError, SyntaxError, AttributeError) as error:
            reject(
                analysis_name,
                name,
                f"has an annotation that cannot be resolved ({error}): import its type at run time",
            )
    return hints
