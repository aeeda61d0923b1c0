"""Many requests -> their sessions, each made once, and a manifest that other programs read.

Takes a file with a request a line (JSON), or a grid of them (TOML). Gives files in a folder, or at
any address that fsspec knows (``s3://``, ``sftp://``), with ``manifest.jsonl``. They are made in
this process, in several, or on a Dask cluster; workers share what they speak and encode, by
content, at another address.

The same request gives the same file, wherever it is made: no date, no name of a machine. What was
made has a record (``records/``), written after its file, so a catalogue can be stopped at any
moment: when it is run again, it makes what has no record.

    requests    a file -> requests, each with its line
    place       a folder, or an address of fsspec
    work        a request -> its file and its record; what runs in workers
    crews       who does the work: this process, several, or a cluster
    manifest    records and the manifest: what is there
    making      all of it, in order: what is missing is made; how long that will take
"""

from __future__ import annotations

from voiceguide.catalogue.making import Estimate, Progress, Summary, estimate, make
from voiceguide.catalogue.manifest import read
from voiceguide.catalogue.requests import read_grid, read_requests

__all__ = [
    "Estimate",
    "Progress",
    "Summary",
    "estimate",
    "make",
    "read",
    "read_grid",
    "read_requests",
]
