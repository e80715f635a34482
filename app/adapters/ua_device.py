"""What a user agent says of the device, by ua-parser. The text itself is looked at and forgotten."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from threading import Thread
from typing import Any

MAX_TEXT = 512
"""Longer ones are cut: no browser's is, and every pattern is tried on it."""
_DESKTOPS = ("Windows", "Mac OS X", "Linux", "Ubuntu", "Chrome OS", "Fedora", "Debian", "FreeBSD", "OpenBSD")
_PHONES = ("iOS", "Android", "Windows Phone", "KaiOS", "BlackBerry OS")


class UaDevice:
    """`Devices` from user agents."""

    source = "ua-parser"

    def __init__(self) -> None:
        self._parse: Callable[[str], Any] | None = None
        self._loading: Thread | None = None
        self._known = lru_cache(4_096)(self._read)

    def prepare(self) -> None:
        """Begin to load the library and its patterns, which takes half a second: a start does not wait for it, only who asks
        before it is over."""
        self._loading = Thread(target=self._load, daemon=True)
        self._loading.start()

    def _load(self) -> None:
        from ua_parser import parse

        parse("Mozilla/5.0")
        self._parse = parse

    def device(self, user_agent: str) -> dict[str, str]:
        """`type` (mobile, tablet, desktop, bot or other), `os`, `browser`, `brand` and `model`, as far as they are known."""
        if self._loading is not None:
            self._loading.join()
            self._loading = None
        return dict(self._known(user_agent[:MAX_TEXT].encode("utf-8", "replace").decode()))

    def _read(self, text: str) -> tuple[tuple[str, str], ...]:
        if self._parse is None:
            return ()
        found = self._parse(text)
        os, browser = found.os.family if found.os else "", found.user_agent.family if found.user_agent else ""
        family, brand, model = (found.device.family, found.device.brand or "", found.device.model or "") if found.device else ("", "", "")
        if not (os or browser or family):
            return ()
        rows = (("type", _type(text, os, family, brand)), ("os", os), ("browser", browser), ("brand", brand.partition("_")[0]), ("model", model))
        return tuple((name, value) for name, value in rows if value)


def _type(text: str, os: str, family: str, brand: str) -> str:
    if family == "Spider":
        return "bot"
    if family.startswith("iPad") or "Tablet" in brand or "Tablet" in text or (os == "Android" and "Mobile" not in text):
        return "tablet"
    if os in _PHONES or "Mobile" in text:
        return "mobile"
    return "desktop" if os in _DESKTOPS else "other"
