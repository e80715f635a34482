"""How the server is."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Alive(BaseModel):
    status: Literal["ok"]


class ContentState(BaseModel):
    version: str | None
    problems: list[str] = Field(description="Of the newest content, which is not served while there are any")


class Ready(BaseModel):
    """`content`, `store`, `models` and `durability` are shown in development mode and to `admin`."""

    status: Literal["ready", "starting", "stopping"]
    degraded: list[str] | bool
    content: ContentState | None = None
    store: Literal["up", "down"] | None = None
    models: dict[str, str] | Literal["ok"] | None = None
    durability: Literal["always", "waited", "everysec", "no", "off", "unknown"] | None = Field(
        None,
        description="When Redis syncs what it acknowledged: before the reply, every second (waited: and answers wait for it), some time, never",
    )
