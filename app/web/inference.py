"""`/v2/...`: scores and nothing else, by the Open Inference Protocol (KServe's version 2), for services that have the inputs
themselves, or want them looked up of a person.

What the decide path does with a model is done here: the same trial at load, the same refusal of scores, the same fallback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import msgspec

from app import __version__
from app.content.snapshot import Snapshot
from app.domain.definitions import ModelCard
from app.domain.profile import NOBODY, Profile
from app.domain.request import Request
from app.errors import InlayError, ModelUnavailable, NotFound, RequestInvalid, StoreUnavailable
from app.security.redaction import hide_addresses
from app.web.asgi import JSON, PRIVATE, Reply, Scope, header
from app.web.bodies import read_json
from app.web.errors import answer
from app.web.parts import Parts, current
from app.web.paths import segments
from app.web.tensors import PEOPLE, asks_for_people, outputs_of, people_of, rows_of, tensors_of

RUN = 120
"""Rows scored at once; others have their turn in between."""
REFUSED_ROWS = frozenset({"nan", "range"})
"""What a single row's score may be refused for, while others are fine."""
SCORE, FALLBACK, LABEL = "score", "fallback", "label"
Handler = Callable[["Inference", Scope, Any], Awaitable[Reply]]
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Scored:
    """`fell` says of each row whether the card's fallback stands for its score, `why` what was degraded."""

    scores: list[float] = field(default_factory=list[float])
    fell: list[bool] = field(default_factory=list[bool])
    why: list[str] = field(default_factory=list[str])

    def add(self, scores: Sequence[float]) -> None:
        self.scores += scores
        self.fell += [False] * len(scores)

    def fall_back(self, card: ModelCard, rows: int, why: str) -> None:
        self.scores += [card.fallback] * rows
        self.fell += [True] * rows
        self.why.append(why)


def by_protocol(handler: Handler) -> Handler:
    """Errors are `{"error": "text"}` here, and what is wrong in a request is a 400."""

    @wraps(handler)
    async def answering(inference: Inference, scope: Scope, receive: Any) -> Reply:
        try:
            return await handler(inference, scope, receive)
        except InlayError as error:
            status, _, headers = answer(error)
            return Reply(400 if status == 422 else status, _encode({"error": hide_addresses(error.message)}), headers, "refused" if status < 500 else "error")

    return answering


class Inference:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @by_protocol
    async def server(self, scope: Scope, receive: Any) -> Reply:
        self._parts.keys.authorise(scope, "decide")
        return Reply(200, _encode({"name": "inlay", "version": __version__, "extensions": []}), [JSON])

    @by_protocol
    async def live(self, scope: Scope, receive: Any) -> Reply:
        return Reply(200, b'{"live":true}', [JSON])

    @by_protocol
    async def ready(self, scope: Scope, receive: Any) -> Reply:
        """As `/readyz`: a model that cannot be used takes no server out."""
        serving = self._parts.snapshot is not None and not self._parts.stopping
        return Reply(200 if serving else 503, _encode({"ready": serving}), [JSON])

    @by_protocol
    async def metadata(self, scope: Scope, receive: Any) -> Reply:
        self._parts.keys.authorise(scope, "decide")
        card = self._card(scope, current(self._parts))
        inputs = [{**tensor.plain, "parameters": {"columns": ", ".join(str(card.inputs[at].name) for at in tensor.columns)}} for tensor in tensors_of(card)]
        outputs = [{"name": name, "datatype": _DATATYPES[name], "shape": [-1]} for name in _outputs(card)]
        return Reply(200, _encode({"name": card.id, "versions": [version_of(card)], "platform": "onnx", "inputs": inputs, "outputs": outputs}), [JSON, PRIVATE])

    @by_protocol
    async def model_ready(self, scope: Scope, receive: Any) -> Reply:
        """503 where the fallback score would be given, with the reason."""
        self._parts.keys.authorise(scope, "decide")
        snapshot = current(self._parts)
        card = self._card(scope, snapshot)
        why = snapshot.runtime.troubles().get(card.id)
        return Reply(200, _encode({"name": card.id, "ready": True}), [JSON]) if why is None else Reply(503, _encode({"name": card.id, "ready": False, "error": why}), [JSON], "error")

    @by_protocol
    async def infer(self, scope: Scope, receive: Any) -> Reply:
        parts = self._parts
        parts.keys.authorise(scope, "decide")
        parts.admit()
        if header(scope, b"inference-header-content-length") is not None:
            raise RequestInvalid("the binary tensor extension is not taken: send data as JSON")
        body = await read_json(receive, scope)
        snapshot = current(parts)
        card = self._card(scope, snapshot)
        outputs = outputs_of(body.get("outputs"), _outputs(card))
        deadline = asyncio.get_running_loop().time() + parts.settings.deadline_esp_ms / 1000
        why: list[str] = []
        inputs = body.get("inputs")
        rows = await self._known(snapshot, card, inputs, deadline, why) if asks_for_people(inputs) else rows_of(inputs, card)
        found = await self._scored(snapshot, card, rows, deadline)
        degraded = list(dict.fromkeys(why + found.why))
        for reason in degraded:
            parts.telemetry.degraded(reason)
        told = {"model_name": card.id, "model_version": version_of(card), **({"id": body["id"]} if isinstance(body.get("id"), str) else {})}
        told |= {"parameters": {"content_version": snapshot.version, "degraded": ",".join(degraded)}, "outputs": [_output(name, card, found) for name in outputs]}
        return Reply(200, _encode(told), [JSON, PRIVATE], "degraded" if degraded else "ok")

    # -- rows ------------------------------------------------------------------------------------------------------

    async def _known(self, snapshot: Snapshot, card: ModelCard, inputs: Sequence[Any], deadline: float, why: list[str]) -> list[list[float | str]]:
        """The inputs of people as the server knows them now."""
        if card.per_item:
            raise RequestInvalid(f"inputs[0]: {card.id} reads items, of which {PEOPLE} says nothing: send its inputs, or ask /v1/recommendations with rank: model.{card.id}")
        identifiers, parts = self._parts.identifiers, self._parts
        keys = [identifiers.parse(id).key if id else None for id in people_of(inputs)]
        asked = [key for key in keys if key is not None]
        found: list[Profile] = [NOBODY] * len(asked)
        try:
            async with asyncio.timeout_at(deadline):
                found = await parts.store.read_many([(key, None) for key in asked])
        except (StoreUnavailable, TimeoutError) as error:
            why.append("deadline" if isinstance(error, TimeoutError) else "store")
        of = dict(zip(asked, found, strict=True))
        now, row = parts.clock(), snapshot.row(card.id)
        people = [snapshot.consented(of[key]) if key is not None else NOBODY for key in keys]
        return [row(Request(now, person, {}, snapshot.score, snapshot.trials.assign)) for person in people]

    async def _scored(self, snapshot: Snapshot, card: ModelCard, rows: list[list[float | str]], deadline: float) -> Scored:
        found, loop = Scored(), asyncio.get_running_loop()
        model = snapshot.runtime.get(card.id)
        for start in range(0, len(rows), RUN):
            some = rows[start : start + RUN]
            if model is None:
                found.fall_back(card, len(some), f"model:{card.id}")
            elif loop.time() > deadline:
                found.fall_back(card, len(rows) - start, "deadline")
                break
            else:
                _score(model.score_table, card, some, found)
            await asyncio.sleep(0)
        return found

    def _card(self, scope: Scope, snapshot: Snapshot) -> ModelCard:
        """The model that the path names, in the version that it names or in any."""
        _, id, *rest = segments(scope, 2)
        models = snapshot.definitions.models
        if id not in models:
            raise NotFound(f"no model {id[:64]!r}; there are {', '.join(models) or 'none'}", code="unknown_model")
        if rest[:1] == ["versions"] and rest[1] != version_of(models[id]):
            raise NotFound(f"no version {rest[1][:64]!r} of {id} is served; version {version_of(models[id])} is", code="unknown_version")
        return models[id]


def _score(score: Callable[[Sequence[Sequence[float | str]]], list[float]], card: ModelCard, rows: Sequence[Sequence[float | str]], found: Scored) -> None:
    """All rows at once; where one row's score is refused, the others have theirs."""
    try:
        found.add(score(rows))
    except ModelUnavailable as error:
        if error.code not in REFUSED_ROWS or len(rows) == 1:
            found.fall_back(card, len(rows), f"model:{card.id}")
            return
        for row in rows:
            _score(score, card, [row], found)


_DATATYPES = {SCORE: "FP64", FALLBACK: "BOOL", LABEL: "BYTES"}


def _outputs(card: ModelCard) -> list[str]:
    return [SCORE, FALLBACK, *([LABEL] if card.labels else [])]


def _output(name: str, card: ModelCard, found: Scored) -> dict[str, Any]:
    data = {SCORE: lambda: found.scores, FALLBACK: lambda: found.fell, LABEL: lambda: [card.label(score) or "" for score in found.scores]}[name]()
    return {"name": name, "datatype": _DATATYPES[name], "shape": [len(data)], "data": data}


def version_of(card: ModelCard) -> str:
    return card.version or "1"
