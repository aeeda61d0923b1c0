"""The command that makes many sessions: catalogue."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path  # noqa: TC003 (commands are read at run time)
from typing import TYPE_CHECKING, Annotated

import typer

from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.flags import saying
from voiceguide.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voiceguide.catalogue import Estimate
    from voiceguide.catalogue.crews import Crew
    from voiceguide.catalogue.making import Progress
    from voiceguide.catalogue.requests import Wanted

_EVERY_S = 30
"""How often a line says how far it is, where there is no terminal for a bar."""
_MOST_WORKERS = 512


@command("Example: voiceguide catalogue requests.jsonl -o catalogue --workers 4")
@saying
def catalogue(  # noqa: PLR0913 (each is an option)
    requests: Annotated[
        Path | None,
        typer.Argument(
            help='A file with a request a line: {"target": "calf", "side": "left"}.',
            metavar="REQUESTS.jsonl",
        ),
    ] = None,
    grid: Annotated[
        Path | None,
        typer.Option(
            help="A file of lists instead, all combinations of which are made.",
            metavar="GRID.toml",
        ),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            help="A folder, or an address such as s3://bucket/catalogue.",
            metavar="WHERE",
        ),
    ] = "output/catalogue",
    workers: Annotated[
        int, typer.Option(help="How many processes make sessions.", metavar="N")
    ] = 1,
    cluster: Annotated[
        str | None,
        typer.Option(help="A Dask cluster that makes them.", metavar="tcp://HOST:8786"),
    ] = None,
    clips: Annotated[
        str | None,
        typer.Option(
            help="Where workers share what was spoken and encoded: a folder, or an address.",
            metavar="WHERE",
        ),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="The format of the files.")] = "mp3",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only say how much there is to do; measured on three sessions."
        ),
    ] = False,
) -> None:
    """Make any number of sessions, each once, with a manifest for other programs.

    It can be stopped at any moment; when run again, it makes what is missing. A request that fails
    is reported, and does not stop the others. Settings and environment variables do not apply: the
    requests say it all.
    """
    from voiceguide.catalogue import crews, estimate, make

    if not 1 <= workers <= _MOST_WORKERS:
        raise UsageError(f"--workers {workers}: must be between 1 and {_MOST_WORKERS}")
    if cluster and workers != 1:
        raise UsageError("--workers is for this machine; with --cluster, its workers do it all")
    wanted = _wanted(requests, grid)
    if dry_run:
        cores = crews.cores_of(cluster) if cluster else workers
        for line in _told(estimate(wanted, output, form=form), cores):
            typer.echo(line)
        return
    crew = _crew(cluster, workers)
    with _shown() as show:
        made = make(
            wanted,
            output,
            crew=crew,
            clips=clips,
            form=form,
            progress=show,
            warn=lambda what: say.warn([what]),
        )
    typer.echo(f"{output}: {made.made:,} made, {made.there:,} there before, {made.failed:,} failed")
    if made.failed:
        raise typer.Exit(1)


def _wanted(requests: Path | None, grid: Path | None) -> list[Wanted]:
    """Return what is to be made, from one of the two files."""
    from voiceguide.catalogue import read_grid, read_requests

    if requests is not None and grid is None:
        return read_requests(requests)
    if grid is not None and requests is None:
        return read_grid(grid)
    raise UsageError("give a file of requests, or --grid GRID.toml")


def _crew(cluster: str | None, workers: int) -> Crew:
    """Return who makes the sessions: a cluster, several processes, or this one."""
    from voiceguide.catalogue import crews

    if cluster:
        return crews.cluster(cluster)
    return crews.processes(workers) if workers > 1 else crews.here


def _told(one: Estimate, cores: int) -> Iterator[str]:
    """Return what there is to do, a line for each figure."""
    yield f"There: {one.there:,}. To make: {one.to_make:,}. Known to fail: {one.wrong:,}."
    if one.to_make:
        where = "one core" if cores == 1 else f"{cores:,} cores"
        least, most = sorted((one.warm_s, one.cold_s))
        yield (
            f"Time on {where}: from {_about(least / cores)}, if all phrases are known, "
            f"to {_about(most / cores)}, if none is."
        )
        yield f"Size: {one.size_bytes / 1e6:,.1f} MB."


def _about(seconds: float) -> str:
    """Return a time as people say it when they do not know it exactly."""
    for unit, length_s in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"about {seconds / length_s:,.0f} {unit}"
    return f"about {max(1, seconds):.0f} s"


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[Progress], object]]:
    """Show how far a catalogue is: as a bar on a terminal, otherwise as a line now and then."""
    last_s = time.monotonic()
    with say.progress("catalogue") as bar:

        def show(one: Progress) -> None:
            nonlocal last_s
            bar(one.done / one.total)
            if time.monotonic() - last_s >= _EVERY_S:
                last_s = time.monotonic()
                left = "" if one.left_s is None else f", {_about(one.left_s)} left"
                say.note(f"{one.done:,} of {one.total:,}{left}")

        yield show
