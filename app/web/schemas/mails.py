"""What mails and senders ask for."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.web.schemas.shared import ErrorAnswer


class AmpList(BaseModel):
    """`{"items": [...]}` with the block's variables beside it; a block without items has one item that holds them."""

    model_config = ConfigDict(extra="allow")

    items: list[dict[str, Any]]


class SubmittedForm(BaseModel):
    """`form` names one under `inbox: forms:`; the other fields are its own."""

    model_config = ConfigDict(extra="allow")

    form: str | None = None


class FormAnswer(BaseModel):
    """What `submit-success` shows; `items` holds the fields that were kept."""

    message: str
    form: str
    items: list[dict[str, Any]]


class FieldError(BaseModel):
    name: str
    message: str


class FormRefusal(ErrorAnswer):
    """What `submit-error` shows, and each wrong field."""

    message: str
    verifyErrors: list[FieldError] = []  # noqa: N815 (AMP's own name)


class OneClick(BaseModel):
    """What a mail client posts; nothing depends on it."""

    model_config = ConfigDict(extra="allow")

    list_unsubscribe: str = Field("One-Click", alias="List-Unsubscribe")


class PreferencesForm(BaseModel):
    """The purposes that are ticked; with `all`, none."""

    model_config = ConfigDict(extra="allow")

    purpose: list[str] = []
    all: str | None = None


class MailParts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    html: str
    text: str | None = None
    amp: str | None = None


class MessageRequest(BaseModel):
    """A whole mail for one person."""

    model_config = ConfigDict(extra="forbid")

    template: MailParts
    profile: str | None = None
    send: str | None = None
    mail: str | None = None
    context: dict[str, Any] | None = None
    subject: str | None = None
    preheader: str | None = None
    from_: str | None = Field(None, alias="from")
    to: str | None = None
    reply_to: str | None = None
    headers: dict[str, str] | None = None


class MessageAnswer(BaseModel):
    decision_id: str
    profile: str
    send: str | None
    decided_at: str
    content_version: str
    degraded: list[str]
    placements: dict[str, dict[str, str | None]]
    parts: dict[str, str]
    headers: dict[str, str]
    message: str
    warnings: list[str]


class EmarsysRequest(BaseModel):
    """A batch as Emarsys' External Content sends it: the values of the reference fields, and the response fields that it wants."""

    model_config = ConfigDict(extra="allow")

    parameters: list[dict[str, Any]] = Field(max_length=1_000)
    fields: list[str] = []
    limit: int | None = None


class EmarsysAnswer(BaseModel):
    content: list[dict[str, Any]]


class NotifuseRequest(BaseModel):
    """A contact as Notifuse's recipient feed sends it."""

    model_config = ConfigDict(extra="allow")

    contact: dict[str, Any] = {}
    broadcast: dict[str, Any] = {}


class ShownAnswer(BaseModel):
    """What each placement shows, as HTML, as text and in parts."""

    model_config = ConfigDict(extra="allow")

    placements: dict[str, dict[str, Any]]
