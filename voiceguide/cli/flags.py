"""The options of the model as command-line options, combined with settings and environment."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from voiceguide import files, settings
from voiceguide.cli import say
from voiceguide.errors import UnknownTargetError, UsageError
from voiceguide.options import DEFAULTS, OPTIONS, TYPES, Options, choices, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_OF_SOME = ("minutes", "variables")
"""Options that do not apply to every target, besides those of kinds."""
_LONG_NAMES = {"variables": ("--set",)}


def with_options(
    function: Callable[..., None] | None = None,
    *,
    without: tuple[str, ...] = (),
    names: Mapping[str, tuple[str, ...]] | None = None,
    helps: Mapping[str, str] | None = None,
) -> Callable[..., Any]:
    """Let a command take all options of the model; it gets them as ``options``.

    ``without`` lists the options that it does not have, ``names`` other flags for some, and
    ``helps`` other help texts. Options that are not given come from the environment, then from the
    settings file. The command also gets --quiet and --verbose.
    """
    if function is None:
        return functools.partial(with_options, without=without, names=names, helps=helps)
    named = {**_LONG_NAMES, **(names or {})}
    of_command = [
        one for one in inspect.signature(function, eval_str=True).parameters.values()
        if one.name != "options"
    ]  # fmt: skip
    offered = [
        _parameter(name, named.get(name), (helps or {}).get(name))
        for name in OPTIONS
        if name not in without
    ]
    taken = {one.name for one in of_command} | inspect.signature(_common).parameters.keys()
    # Variables of these names are only given by --set.
    variables = {name: one for name, one in _own_variables().items() if name not in taken}
    offered += [_variable_parameter(name, kinds) for name, kinds in variables.items()]

    @functools.wraps(function)
    def called(**given: Any) -> None:
        of_model = {name: given.pop(name) for name in OPTIONS if name in given}
        own_variables = {name: given.pop(name) for name in variables}
        function(**given, options=_chosen(of_model, own_variables))

    called.__signature__ = inspect.Signature([*of_command, *offered])  # type: ignore[attr-defined]
    return saying(called)


def saying(function: Callable[..., None]) -> Callable[..., None]:
    """Give --quiet and --verbose to a command."""
    of_command = inspect.signature(function, eval_str=True).parameters.values()
    parameters = [*of_command, *inspect.signature(_common).parameters.values()]
    parameters.sort(key=lambda one: one.kind)

    @functools.wraps(function)
    def called(**given: Any) -> None:
        say.begin(quiet=given.pop("quiet"), verbose=given.pop("verbose"))
        function(**given)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def _common(
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only print errors.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Also print how long things take.")
    ] = False,
) -> None:
    """Declare the options that every command has."""


_common.__annotations__ = inspect.get_annotations(_common, eval_str=True)


def _chosen(of_model: Mapping[str, Any], own_variables: Mapping[str, Any]) -> Options:
    """Return the options: those given, otherwise from the environment, otherwise from settings."""
    given = {name: value for name, value in of_model.items() if value not in (None, [])}
    variables = _pairs(given.pop("variables", []))
    variables |= {name: value for name, value in own_variables.items() if value is not None}
    values = {name: value for name, value in settings.combined(given).items() if name in of_model}
    if variables:
        given["variables"] = values["variables"] = variables
    _given.clear()
    _given.update(given)
    _set.clear()
    _set.update(values)
    return chosen(values)


_given: set[str] = set()
"""The options of the model on this command line."""
_set: set[str] = set()
"""Those that are given on it, in the environment or in the settings."""


def is_set(name: str) -> bool:
    """Whether the listener chose an option: on this command line, or by settings."""
    return name in _set


def is_given(name: str) -> bool:
    """Whether an option is on this command line."""
    return name in _given


def suiting(target: str, options: Options) -> dict[str, Any]:
    """Return the chosen options, without those from settings that do not apply to the target.

    Settings are for all sessions; one that is for massage must not stop another kind. Raises
    RequestError for an unknown target.
    """
    _refuse_other_file(target, options)
    values = options.chosen()
    from_settings = values.keys() - _given
    if not any(OPTIONS[name].of_kinds or name in _OF_SOME for name in from_settings):
        return values
    from voiceguide import script

    return script.suiting(script.Request(target, options), from_settings)


def _refuse_other_file(target: str, options: Options) -> None:
    """Raise RequestError if a target that means nothing else is a file without a suffix."""
    from voiceguide import script
    from voiceguide.script import own

    if script.is_own(target) or not files.is_file(Path(target)):
        return
    try:
        script.options_of(script.Request(target, options))
    except UnknownTargetError:
        own.refuse_other_file(target)


def _pairs(given: list[str]) -> dict[str, Any]:
    """Split NAME=VALUE pairs."""
    pairs = [one.partition("=") for one in given]
    for name, equals, _ in pairs:
        if not equals:
            raise UsageError(f"--set {name}: write NAME=VALUE, such as --set rounds=3")
    return {name: value for name, _, value in pairs}


def _parameter(name: str, named: tuple[str, ...] | None, help_: str | None) -> inspect.Parameter:
    """Return the parameter from which typer makes an option; its value is None if not given."""
    option, kind = OPTIONS[name], _kind(name)
    flag = f"--{name.replace('_', '-')}"
    if kind is bool:
        flag = f"{flag}/--no-{name.replace('_', '-')}"
    shown = option.default or DEFAULTS[name]
    default = "" if kind is bool or not shown else f"default: {shown}"
    more = "; ".join(filter(None, (default, option.limits)))
    info = typer.Option(
        *(named or (flag,)),
        help=f"{help_ or option.help}{f'  [{more}]' if more else ''}",
        metavar=option.metavar,
        show_default=False,
    )
    taken = list[str] if name == "variables" else kind
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[taken | None, info]
    )


def _kind(name: str) -> Any:
    """Return the type that the command line parses an option into: text, for its own check."""
    if choices(name) or TYPES[name] is bool:
        return TYPES[name]
    return Path if name == "library" else str


def _variable_parameter(name: str, variables: Sequence[Any]) -> inspect.Parameter:
    """Return the parameter of an option that one or several kinds have of their own.

    Where they read it differently, it is text, which the kind checks.
    """
    first, *others = variables
    kind: Any = type(first.default)
    if any((type(one.default), one.choices) != (kind, first.choices) for one in others):
        kind = str
    elif first.choices and kind is str:
        kind = Literal[tuple(first.choices)]
    helps = dict.fromkeys(f"{one.help}{_default(one.default)}" for one in variables)
    info = typer.Option(help="; or ".join(helps), show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, info]
    )


def _default(value: object) -> str:
    """Return how help shows a default; no flag that is there or not has one."""
    return "" if value is False else f"  [default: {'yes' if value is True else value}]"


@functools.cache
def _own_variables() -> dict[str, list[Any]]:
    """Return the options of the listener's own kinds of session, each as its kinds have it.

    The package's kinds have none, and reading them would slow down --help.
    """
    given = _given_in(sys.argv, "--library")
    named = Path(given) if given else None
    if named is None:
        with contextlib.suppress(UsageError):  # a session tells what is wrong in the settings
            named = settings.library(_given_in(sys.argv, "--language"))
    library = named if named and files.is_folder(named) else None
    folders = [files.config_folder() / "scripts", *([library] if library else [])]
    if not any(path for folder in folders for path in folder.glob("kinds/[!.]*/kind.toml")):
        return {}
    from voiceguide.library.kinds import kinds

    found = kinds(library).values()  # what is wrong is reported when a session is made
    by_name: dict[str, list[Any]] = {}
    for kind in found:
        for name, one in kind.variables.items():
            by_name.setdefault(name, []).append(one)
    return by_name


def _given_in(arguments: list[str], flag: str) -> str | None:
    """Return the value of a flag before the command line is parsed."""
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == flag:
            following = arguments[index + 1 : index + 2]
            return value if equals else following[0] if following else None
    return None
