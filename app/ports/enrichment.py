"""What is learned beside what events say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from app.domain.enrichment import Known
from app.domain.event import Heard


class Geography(Protocol):
    """Where IP addresses are. `source` names the data and their date."""

    source: str

    def place(self, address: str) -> dict[str, Any]:
        """`city country continent region postal lat lon timezone accuracy_km`, as far as they are known."""
        ...


class Devices(Protocol):
    """What user agents are."""

    source: str

    def device(self, user_agent: str) -> dict[str, str]:
        """`type os browser brand model`, as far as they are known; `type` is mobile, tablet, desktop, bot or other."""
        ...


class ThirdParty(Protocol):
    """Somebody else's server."""

    async def ask(self, url: str, headers: Mapping[str, str], seconds: float) -> Any:
        """The JSON that it answers; None where it knows nothing. `LookupFailed` for everything else, within `seconds`."""
        ...


class PictureSource(Protocol):
    """Pictures on somebody else's server."""

    async def read(self, url: str) -> bytes:
        """What lies at an https address, of at most 4 MiB. `LookupFailed` for everything else, within seconds."""
        ...


class LookupCache(Protocol):
    """Answers of third parties, and who may ask them: one for the whole fleet. Raises `StoreUnavailable`."""

    async def get(self, id: str, url: str) -> Known | None: ...

    async def put(self, id: str, url: str, known: Known, keep: int) -> None:
        """Kept for `keep` ms."""
        ...

    async def drop(self, id: str, url: str) -> None:
        """Forget the answer."""
        ...

    async def claim(self, id: str, url: str, milliseconds: int) -> bool:
        """Whether the caller is to ask; for that long nobody else is, unless it is released."""
        ...

    async def release(self, id: str, url: str) -> None: ...

    async def spend(self, id: str, limit: int, now: int) -> bool:
        """One question within the second of `now` (ms); False where that would be more than `limit`."""
        ...


class Enrichment(Protocol):
    """What is learned beside what events say."""

    async def known(self, raws: Sequence[Any], heard: Sequence[tuple[int, Heard]]) -> Sequence[tuple[int, Heard]]:
        """The events with what is learned of them at once; each number is that of its raw event, which loses its IP address."""
        ...

    def follow(self, heard: Sequence[Heard]) -> None:
        """These were applied: begin what takes longer. Returns at once."""
        ...
