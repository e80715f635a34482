"""A dead letter -> what was heard, as if it came now for the first time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from app.domain.custom_keys import USUAL_KEYS
from app.domain.dead_letter import HEARD, DeadLetter, Held
from app.domain.event import Heard
from app.domain.message import Message
from app.errors import Unparsable
from app.formats.esp import UNKNOWN, heard
from app.formats.esps import FORMATS
from app.formats.messages import events_of
from app.formats.segment import NotHeard
from app.formats.strict import parse_json
from app.formats.wire import parse

_decode = msgspec.json.Decoder(Heard).decode


def heard_again(held: Held, now: int, hashed_id: Callable[[str], bytes]) -> Iterator[Heard]:
    """`NotHeard` where it still cannot be read. What has no messageId has one made of its letter's id, and what says not
    when it happened happened when it came: however often a letter is sent again, its event is the same one."""
    letter = held.letter
    if letter.size:
        raise NotHeard("too_large", f"only the first {len(letter.body):,} of {letter.size:,} bytes were kept")
    if letter.source == HEARD:
        yield _decode(letter.body)
    elif letter.source in FORMATS:
        yield from _reported(letter, now, hashed_id)
    else:
        for raw in events_of(Message(letter.id or f"dead letter {held.id}", letter.at, letter.body)):
            yield parse(raw, now, lambda: b"", hashed_id)


def _reported(letter: DeadLetter, now: int, hashed_id: Callable[[str], bytes]) -> Iterator[Heard]:
    try:
        row = parse_json(letter.body)
    except Unparsable as error:
        raise NotHeard("invalid", error.message) from error
    if not isinstance(row, dict):
        raise NotHeard("invalid", "an event is an object")
    for report in FORMATS[letter.source].read(row):
        if report.name != UNKNOWN:
            yield heard(report, letter.source, USUAL_KEYS, now, hashed_id)
