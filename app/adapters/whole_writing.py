"""What is to stand under a person's key, from what each of their identifiers brought."""

from __future__ import annotations

from secrets import token_bytes

from app.adapters.whole_keys import Parts, write_marks, write_versions
from app.domain.dictionary import Dictionary
from app.domain.layout import HEADER, pack_columns
from app.domain.whole import STAMP_BYTES, Holding, Mark, Row, Whole, earlier

VERSIONS = 16
"""Of one field, by one identifier that may pass to somebody else, as many are kept beside the one that stands."""
_WRITE_BYTES = 6


def written(key: str, whole: Whole, names: Dictionary) -> Parts:
    meta, origins = _fields_stored(key, whole)
    records = _sends_stored(key, whole, origins)
    for edge in whole.edges:
        origins[f"g:{edge.target}\0{edge.source}"] = edge.at.to_bytes(8, "big") + edge.id
        for each in {edge.target, edge.source} - {key}:
            meta["i:" + each] = edge.at.to_bytes(8, "big")
    for (a, b), at in whole.parted.items():
        origins[f"n:{a}\0{b}"] = at.to_bytes(8, "big")
    history = _history_stored(key, whole, names, origins)
    if origins:
        origins["#"] = token_bytes(_WRITE_BYTES)
    return history, meta, origins, records


def _history_stored(key: str, whole: Whole, names: Dictionary, origins: dict[str, bytes]) -> bytes:
    rows: dict[bytes, Row] = {}
    for holding in whole.holdings.values():
        rows.update(holding.rows)
    own = whole.holdings.get(key, Holding()).rows
    strange: set[bytes] = set()
    for origin, holding in whole.holdings.items():
        if origin != key and holding.rows:
            origins["e:" + origin] = b"".join(sorted(holding.rows))
            strange |= holding.rows.keys()
    if both := own.keys() & strange:
        origins["e:" + key] = b"".join(sorted(both))
    marks = _marks_stored(key, whole, origins)
    if not rows and not marks:
        return b""
    columns = pack_columns(sorted(rows.values()), names)
    header = HEADER.pack(names.epoch, names.size, len(rows), 0, len(marks))
    return header + columns[HEADER.size :] + write_marks(marks)


def _marks_stored(key: str, whole: Whole, origins: dict[str, bytes]) -> dict[int, Mark]:
    found: dict[int, Mark] = {}
    for origin, holding in whole.holdings.items():
        if origin != key and holding.marks:
            origins["k:" + origin] = write_marks(holding.marks)
        for code, mark in holding.marks.items():
            other = found.get(code, Mark(mark.last, mark.first_at, 0))
            found[code] = Mark(max(mark.last, other.last), min(mark.first_at, other.first_at), mark.count + other.count)
    return found


def _fields_stored(key: str, whole: Whole) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The latest version of each field, and the others by who said them. Of those whose data never are dealt out by the
    instant (user ids) one other is enough."""
    meta: dict[str, bytes] = {}
    origins: dict[str, bytes] = {}
    winners: dict[str, str] = {}
    for origin, holding in whole.holdings.items():
        for name, values in holding.fields.items():
            best = max(values, key=_order)
            if name not in meta or _order(best) > _order(meta[name]) or (best == meta[name] and origin == key):
                meta[name], winners[name] = best, origin
    for origin, holding in whole.holdings.items():
        for name, values in holding.fields.items():
            won = winners[name] == origin
            rest = sorted(values - {meta[name]} if won else values, key=_order)
            kept = rest[-VERSIONS:] if not origin.startswith("u:") else [] if won else rest[-1:]
            if kept:
                origins[f"f:{origin}\0{name}"] = write_versions(kept)
            if won and origin != key:
                origins["w:" + name] = origin.encode()
    return meta, origins


def _order(value: bytes) -> bytes:
    """Versions in their order: by the instant, then the id."""
    return value[:STAMP_BYTES]


def _sends_stored(key: str, whole: Whole, origins: dict[str, bytes]) -> dict[str, bytes]:
    standing: dict[str, bytes] = {}
    for holding in whole.holdings.values():
        for send, each in holding.sends.items():
            standing[send] = earlier(standing.get(send, each), each)
    for origin, holding in whole.holdings.items():
        for send, each in holding.sends.items():
            if each != standing[send]:
                origins[f"r:{origin}\0{send}"] = each
            elif origin != key:
                origins[f"r:{origin}\0{send}"] = b""
    return standing
