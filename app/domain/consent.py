"""What people agreed to: each answer with when, where and to which wording it was given."""

from __future__ import annotations

from msgspec import Struct

RESTRICTED = "!restricted"
"""Kept where consents are, so that it goes wherever they go: granted, it says that processing of the person is restricted.
No purpose is called so."""

BY_GPC = "gpc"
"""The source of a denial that a browser sent as Global Privacy Control."""

MAX_SOURCE = 200
MAX_VERSION = 64


class Answer(Struct, frozen=True, order=True, array_like=True):
    """One answer of a person about one purpose. `at` in ms; `source` is where it was given, `version` the wording."""

    at: int
    purpose: str
    granted: bool
    source: str = ""
    version: str = ""
