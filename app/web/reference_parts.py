"""What the API's reference is made of: operations, their parameters and answers, and names that exist on this server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Sample:
    """Names that exist on this server, for examples; `token` and `decision` are minted with its secret."""

    placements: tuple[str, ...] = ("hero",)
    mails: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    profile: str = "u1"
    send: str = "2026-11-news"
    item: str = "fjell"
    sender: str = "news@shop.example"
    token: str = "v1.k1.payload.mac"
    decision: str = "k1-id"
    experiments: tuple[str, ...] = ("hero_copy",)
    holdouts: tuple[str, ...] = ("universal",)
    models: tuple[str, ...] = ("buy_7d",)
    model_version: str = "1"
    tokens: Mapping[str, str] = field(default_factory=dict[str, str])
    """By surface (`c o i u p amp`), of somebody whom trying them out does no harm."""

    @property
    def placement(self) -> str:
        return self.placements[0] if self.placements else "hero"

    @property
    def model(self) -> str:
        return self.models[0] if self.models else "buy_7d"

    @property
    def mail(self) -> str | None:
        return self.mails[0] if self.mails else None


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    where: Literal["path", "query", "header"]
    meaning: str
    example: Any = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    meaning: str
    model: type[BaseModel] | None = None
    media: tuple[str, ...] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Operation:
    """`scope` is what a key needs, empty where anybody may call. Of several `models` a body is one."""

    method: str
    path: str
    tag: str
    summary: str
    answers: tuple[Answer, ...]
    scope: str = ""
    about: str = ""
    parameters: tuple[Parameter, ...] = ()
    models: tuple[type[BaseModel], ...] = ()
    examples: Mapping[str, Any] = field(default_factory=dict[str, Any])
    form: type[BaseModel] | None = None
    """The fields of a body that comes urlencoded or multipart."""
