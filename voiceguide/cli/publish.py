"""The command that publishes sessions as a static site: publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from voiceguide import files
from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.flags import is_given, suiting, with_options
from voiceguide.cli.targets import TARGETS, complete
from voiceguide.errors import CatalogueError, UsageError, VoiceguideError
from voiceguide.options import OPTIONS, Options

if TYPE_CHECKING:
    from voiceguide import Playlist, Session
    from voiceguide.errors import LibraryError
    from voiceguide.script import Request

_Wanted: TypeAlias = tuple[str, dict[str, Any] | None]
"""A target, and its options; None for those of the command."""


@command(
    "Example: voiceguide publish calf neck breathing -o site --url https://example.org/massage"
)
@with_options
def publish(  # noqa: PLR0913 (each is an option)
    targets: Annotated[
        list[str],
        typer.Argument(
            help=f"{TARGETS} “all” is every region and kind. Also catalogues, by their folders.",
            autocompletion=complete,
        ),
    ],
    options: Options,
    name: Annotated[str | None, typer.Option(help="What the site is called.")] = None,
    site: Annotated[
        Path | None,
        typer.Option(help="A site.toml: name, logo, text, links and colors.", metavar="FILE"),
    ] = None,
    playlists: Annotated[
        bool,
        typer.Option(
            "--playlists", help="Also publish the playlist of each region and kind, with its feed."
        ),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            help="The address that the site will have, for the podcast feed, the pictures beside "
            "links, and the sitemap; without it, there are none of these."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The folder of the site.", metavar="SITE")
    ] = Path("output/site"),
) -> None:
    """Publish sessions as a static site, for any web server: an app that works offline, and a feed.

    When run again, only what has changed is made, and sessions that are not named any longer are
    removed.
    """
    from voiceguide.phone import look
    from voiceguide.phone.site import publish as write

    if name is not None and not (name.strip() and name.isprintable()):
        raise UsageError("--name must be a line of text")
    looks = look.read(site, **({} if name is None else {"name": name}))
    sessions, lists = _made(_wanted(targets, options), options, playlists=playlists)
    with say.progress(looks.name) as progress:
        path = write(
            sessions, output, looks, playlists=lists, url=url, progress=progress,
            waiting=lambda: say.note(say.WAITING),
        )  # fmt: skip
    typer.echo(path)
    if url is None:
        say.note("For a podcast feed and pictures beside links: --url https://…")
    say.advise(options)


def _wanted(targets: list[str], options: Options) -> list[_Wanted]:
    """Return what is named, with options if it is of a catalogue; raises CatalogueError."""
    from voiceguide.catalogue.manifest import MANIFEST, read

    found: list[_Wanted] = []
    for one in _all(options) if "all" in targets else dict.fromkeys(targets):
        place = one.removesuffix(MANIFEST) or "."
        if place == one and "://" not in one and not files.is_file(Path(one) / MANIFEST):
            found.append((one, None))
            continue
        requests = [record["request"] for record in read(place.rstrip("/"))]
        if not requests:
            raise CatalogueError(f"{one}: there is no {MANIFEST}, or nothing in it")
        found += [(asked.pop("target"), asked) for asked in requests]
    return found


def _made(
    wanted: list[_Wanted], options: Options, *, playlists: bool
) -> tuple[list[Session], list[Playlist]]:
    """Return the sessions, ready to be written, and their playlists if those are wanted too.

    Warnings are printed. Raises VoiceguideError with a line for each session that cannot be made.
    """
    from voiceguide import Playlist, Session, script

    sessions: list[Session] = []
    lists: dict[str, Playlist] = {}
    problems: list[str] = []
    used: set[str] = set()
    fitting = suiting if len(wanted) == 1 else _applying
    for target, requested in wanted:
        try:
            its_own = fitting(target, options) if requested is None else requested
            used.update(its_own.get("variables", ()))
            session = Session(target, **its_own)
            session.prepare()
            if playlists and script.pictured(session.request) is not None:
                one = Playlist(target, **_of_all_tracks(session.request))
                lists[one.name] = one
        except VoiceguideError as error:
            problems.append(f"{target}: {error.with_flags()}")
        else:
            say.warn(session.warnings)
            sessions.append(session)
    is_asked = is_given("variables") and any(requested is None for _, requested in wanted)
    if is_asked and not problems and len(wanted) > 1:
        unused = sorted(options.variables.keys() - used)
        problems += [f"--set {name}: nothing that is named has this variable" for name in unused]
    if problems:
        raise VoiceguideError("\n".join(["nothing was published:", *problems]))
    return sessions, list(lists.values())


def _applying(target: str, options: Options) -> dict[str, Any]:
    """Return the options that apply to a target, as others may be meant for other targets."""
    from voiceguide import script

    values = suiting(target, options)
    of_some = [name for name in values if OPTIONS[name].of_kinds or name == "variables"]
    applying = script.suiting(script.Request(target, options), of_some)
    return {name: applying[name] for name in values if name in applying}


def _of_all_tracks(request: Request) -> dict[str, Any]:
    """Return the options of a session that a playlist takes too; the length is that of one."""
    from voiceguide import script

    without = {"minutes", *script.about(request).fixed}
    if "bed" in without:
        without.add("bed_level")
    given = request.options.chosen()
    variables = {
        name: value for name, value in request.options.variables.items() if name not in without
    }
    return {name: value for name, value in given.items() if name not in {*without, "variables"}} | (
        {"variables": variables} if variables else {}
    )


def _all(options: Options) -> list[str]:
    """Return every region, and every kind that is about itself.

    Raises VoiceguideError with a line for each kind that is wrong: it may be published already.
    """
    from voiceguide import library
    from voiceguide.library import kinds

    regions = library.load(options.language, options.library_path).region_files
    wrong: dict[str, LibraryError] = {}
    found = kinds.kinds(options.library_path, wrong).values()
    if wrong:
        raise VoiceguideError("\n".join(["nothing was published:", *map(str, wrong.values())]))
    return [*regions, *(kind.id for kind in found if kind.about == "itself")]
