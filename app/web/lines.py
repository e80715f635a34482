"""Bodies of decisions as bytes, for a batch: what its lines have in common is written once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from app.content.question import Answer
from app.content.snapshot import iso
from app.domain.decision import Choice, Decision
from app.web.answers import choice_json

_encode = msgspec.json.Encoder().encode


class Lines:
    """`of(answer)` is the JSON of `decision_json(answer, placements)`, for many people who are asked for the same."""

    def __init__(self, placements: Iterable[str]) -> None:
        self._placements = [(id, _encode(id) + b":") for id in placements]
        self._when: tuple[str | None, int, str] | None = None
        self._middle = b""
        self._choices: dict[tuple[str | None, str, str], tuple[Mapping[str, Any], bytes]] = {}

    def of(self, answer: Answer) -> bytes:
        decision = answer.decision
        choices = decision.choices
        told = b",".join([name + self._choice(choices[id]) for id, name in self._placements])
        degraded = _encode(list(dict.fromkeys(decision.degraded))) if decision.degraded else b"[]"
        return b'{"decision_id":"%b","profile":%b,%b,"degraded":%b,"placements":{%b}}' % (
            decision.id.encode(), _encode(decision.profile), self._in_common(decision), degraded, told,
        )

    def _in_common(self, decision: Decision) -> bytes:
        """The send, the instant and the content version: another for decisions that were recorded before."""
        when = decision.send, decision.decided_at, decision.content_version
        if when != self._when:
            self._when = when
            self._middle = _encode({"send": decision.send, "decided_at": iso(decision.decided_at), "content_version": decision.content_version})[1:-1]
        return self._middle

    def _choice(self, choice: Choice) -> bytes:
        """What an offer shows without items and without a say of the person is the same for all."""
        if choice.items or choice.variants or choice.holdout or choice.drawn is not None or choice.content is not None:
            return _encode(choice_json(choice))
        shown = choice.offer, choice.block, choice.reason
        known = self._choices.get(shown)
        if known is None or known[0] is not choice.vars:
            known = self._choices[shown] = choice.vars, _encode(choice_json(choice))
        return known[1]
