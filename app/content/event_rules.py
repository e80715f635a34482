"""`events:` at work: whether an event is as declared, and what of it may be kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from app.content.json_keywords import Check
from app.content.json_schema import compile_schema
from app.domain.conditions import Path
from app.domain.event import Event, Heard
from app.domain.event_types import NO_EVENT_TYPES, EventTypes, EventVersion, is_own
from app.domain.json import Json
from app.formats.segment import NotHeard

Properties = dict[str, Json]


class EventRules:
    """Compiled once; `taken` is called for every event."""

    def __init__(self, types: EventTypes = NO_EVENT_TYPES) -> None:
        self._kinds = {
            name: {version: (checker(each), remover((*types.personal, *each.personal))) for version, each in versions.items()}
            for name, versions in types.versions.items()
        }
        self._refuses = types.undeclared == "refuse"
        self._remove = remover(types.personal)
        self.idle = not self._kinds and not self._refuses and not types.personal
        """True where nothing is declared: every event is taken as it is."""

    def taken(self, heard: Heard) -> Heard:
        """The event as it may be kept, without what is personal; `NotHeard` where it is not as declared."""
        event = heard.event
        versions = self._kinds.get(event.name)
        if versions is None:
            if self._refuses and not is_own(event.name):
                raise NotHeard("unknown_type", f"event: {event.name[:60]} is not declared under events:")
            remove = self._remove
        else:
            found = versions.get(heard.version)
            if found is None:
                raise NotHeard("invalid", f"event_version: {event.name} has no version {heard.version[:40]!r}; there are {', '.join(filter(None, versions)) or 'none'}")
            check, remove = found
            problem = check(_declared(heard))
            if problem is not None:
                raise NotHeard("invalid", problem)
        kept = remove(event.properties)
        return heard if kept is event.properties else replace(heard, event=Event(event.name, event.at, event.id, kept))


def _declared(heard: Heard) -> Properties:
    """What a schema speaks of: the properties as they were sent, or the traits that get a value."""
    if heard.kind == "identify":
        return {name: value for name, value in heard.traits.items() if value is not None}
    properties = heard.event.properties
    return properties if "_device" not in properties else {name: value for name, value in properties.items() if name != "_device"}


def checker(version: EventVersion) -> Callable[[Properties], str | None]:
    """What is wrong with properties, `products[0].price: is missing`; None where they are as declared. `BadSchema`."""
    schema: Check = compile_schema(dict(version.schema))
    required = version.required

    def check(properties: Properties) -> str | None:
        for path in required:
            if not _present(properties, path):
                return f"{'.'.join(path)}: is missing"
        fault = schema(properties)
        return None if fault is None else f"{fault[0].removeprefix('.') or 'properties'}: {fault[1]}"

    return check


def _present(value: Json, path: Path) -> bool:
    """Whether there is a value at the path, in every element where it leads through a list, which must not be empty."""
    if isinstance(value, list):
        return bool(value) and all(_present(each, path) for each in value)
    if not path:
        return value is not None
    return isinstance(value, dict) and path[0] in value and _present(value[path[0]], path[1:])


def remover(paths: Sequence[Path]) -> Callable[[Properties], Properties]:
    """A function that leaves these paths out of properties; it gives back the very mapping where there was none of them."""
    if not paths:
        return lambda properties: properties
    first = tuple(dict.fromkeys(path[0] for path in paths))

    def remove(properties: Properties) -> Properties:
        for name in first:
            if name in properties:
                return _left(properties, paths)
        return properties

    return remove


def without(value: Json, paths: Sequence[Path]) -> Json:
    """The value without what lies at the paths, through lists too."""
    if isinstance(value, list):
        return [without(each, paths) for each in value]
    if not isinstance(value, dict):
        return value
    return _left(value, paths)


def _left(members: Properties, paths: Sequence[Path]) -> Properties:
    found: Properties = {}
    for name, each in members.items():
        rest = [path[1:] for path in paths if path[0] == name]
        if () not in rest:
            found[name] = without(each, rest) if rest else each
    return found
