"""The names that packed histories refer to by number, and an event packed with them."""

from __future__ import annotations

import msgspec

from app.domain.event import Event
from app.errors import TooLarge

ESCAPE = 255
MAX_PAYLOAD = 65_000
Shape = tuple[str, ...]
_pack = msgspec.msgpack.Encoder().encode


class Unnamed(Exception):
    """An event mentions names that the dictionary does not hold yet: intern them, then pack again."""

    def __init__(self, event_name: str | None, shape: Shape | None) -> None:
        super().__init__(event_name, shape)
        self.event_name = event_name
        self.shape = shape


class Dictionary:
    """The names that histories refer to by number: append-only, one for the whole fleet.

    `epoch` is drawn when the dictionary is born, so that a history written with another one is not misread, and `size`
    is how many names it holds: a history that was written when there were more may use some that are missing here.
    Numbers start at 1. With `growing=True` names are numbered on the spot (tests, files, one process). `full` says that
    the fleet takes no more shapes: properties then travel with their names.
    """

    def __init__(self, epoch: int = 0, *, growing: bool = False) -> None:
        self.epoch = epoch
        self.full = False
        self.types: dict[str, int] = {}
        self.type_names: dict[int, str] = {}
        self.shapes: dict[Shape, int] = {}
        self.shape_names: dict[int, Shape] = {0: ()}
        self._growing = growing
        self._positions: dict[tuple[int, str], int | None] = {}
        self._places: dict[tuple[int, ...], dict[str, int]] = {}

    @property
    def size(self) -> int:
        return len(self.types) + len(self.shapes)

    def learn_type(self, name: str) -> int:
        """The next event name of the shared dictionary, in its order."""
        number = self.types[name] = len(self.types) + 1
        self.type_names[number] = name
        return number

    def learn_shape(self, names: Shape) -> int:
        number = self.shapes[names] = len(self.shapes) + 1
        self.shape_names[number] = names
        return number

    def pack(self, event: Event) -> tuple[int, bytes]:
        """The event's type byte and payload; `Unnamed` where a name is not interned, `TooLarge` beyond 65,000 bytes."""
        number, shape = self.types.get(event.name), self.shapes.get(names := tuple(event.properties))
        if shape is None and self.full:
            shape = 0
        if number is None or shape is None:
            if not self._growing:
                raise Unnamed(None if number is not None else event.name, None if shape is not None else names)
            number = self.learn_type(event.name) if number is None else number
            shape = self.learn_shape(names) if shape is None else shape
        body = _pack((shape, list(event.properties.values()) if shape else event.properties))[1:]
        if len(body) > MAX_PAYLOAD:
            raise TooLarge(f"{len(body):,} bytes of properties in one event; at most {MAX_PAYLOAD:,}")
        return (number, body) if number < ESCAPE else (ESCAPE, _pack(number) + body)

    def position(self, shape: int, name: str) -> int | None:
        """Where a property stands in the values of a shape."""
        try:
            return self._positions[shape, name]
        except KeyError:
            names = self.shape_names[shape]
            found = self._positions[shape, name] = names.index(name) if name in names else None
            return found

    def places(self, shapes: tuple[int, ...]) -> dict[str, int]:
        """The properties that any of several shapes names, and where each first comes."""
        found = self._places.get(shapes)
        if found is None:
            each_once = dict.fromkeys(name for shape in shapes for name in self.shape_names[shape])
            found = self._places[shapes] = {name: at for at, name in enumerate(each_once)}
        return found
