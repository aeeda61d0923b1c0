"""Requests by HTTP, each on a connection of its own and without cookies.

httpx reads all certificates that it trusts for each request, which takes longer than the answer.
"""

from __future__ import annotations

import ssl
from functools import partial

import httpx

_TRUSTED = ssl.create_default_context()

get, head, post, delete = (
    partial(one, verify=_TRUSTED) for one in (httpx.get, httpx.head, httpx.post, httpx.delete)
)
