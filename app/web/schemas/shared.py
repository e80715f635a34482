"""What the JSON of many routes is made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

ProfileId = Annotated[
    str, Field(max_length=256, description="A user id, or `kind:value` of `anonymous_id`, `email` or `phone`. Absent or empty: somebody unknown", examples=["u1"])
]
Send = Annotated[str, Field(min_length=1, max_length=256, description="Names the send: one decision per person and send. Without it nothing is recorded")]
Mail = Annotated[str, Field(description="A mail of the rules: all of its placements are decided together, at its first call")]
Context = Annotated[dict[str, Any], Field(description="What the caller knows now; names and types are declared under `context:` of the rules")]
Instant = Annotated[AwareDatetime | int, Field(description="ISO 8601 with a zone, or milliseconds since 1970")]
Surface = Literal["html", "text", "json", "amp"]
Status = Literal["granted", "denied"]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErrorProblem(BaseModel):
    at: str = Field(description="The key that is wrong")
    message: str


class ErrorBody(BaseModel):
    code: str = Field(description="For machines", examples=["unknown_placement"])
    message: str = Field(description="For people: what is wrong, and what would be right")
    problems: list[ErrorProblem]


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    error: ErrorBody
