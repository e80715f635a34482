"""The catalogue, as the fleet shares it and as a worker has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from app.domain.item import Item


class CatalogueStore(Protocol):
    """The items as the whole fleet shares them. Raises `StoreUnavailable`."""

    async def put(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Replace or add, whole; seen by every worker within 1 s."""
        ...

    async def get(self, id: str) -> dict[str, Any] | None: ...

    async def patch(self, id: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        """Merge (None removes a field), atomically; the item as it is now, or None where it is unknown. `StoreUnavailable`
        also where too many change it at once."""
        ...

    async def delete(self, ids: Sequence[str]) -> int:
        """How many of them there were."""
        ...

    async def version(self) -> int:
        """That of the latest change, 0 before the first."""
        ...

    async def changes(self, since: int) -> tuple[int, dict[str, dict[str, Any] | None]]:
        """(version, id -> item or None where deleted) of everything that changed after version `since`; 0 is all, and so is
        a version that the store has not come to, because it was emptied since."""
        ...


class Catalogue(Protocol):
    """A worker's replica of the items. A change puts new `rows` in place: who holds the old ones keeps seeing them whole."""

    @property
    def version(self) -> int:
        """Grows with every change that was taken in."""
        ...

    @property
    def rows(self) -> Sequence[Item]:
        """All items, in a stable order: that of first arrival."""
        ...

    def get(self, id: str) -> Item | None: ...

    def index(self, field: str) -> Mapping[Any, Sequence[int]]:
        """value -> numbers of the `rows` whose `field` has it; booleans are filed as `("boolean", value)`."""
        ...
