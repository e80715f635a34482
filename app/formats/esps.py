"""Every source of webhooks by the name in its address: how a body is taken apart, and a row read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from app.domain.json import Json
from app.formats import brevo, mailersend, mailgun, mailjet, postmark, resend, sendgrid, ses, sparkpost, standard
from app.formats.esp import Reported, Row


class Format(NamedTuple):
    """`rows` takes a body apart, `read` says what a row reports; both of anything, and neither raises."""

    rows: Callable[[Json], list[Json]]
    read: Callable[[Row], list[Reported]]


_MODULES = {
    "sendgrid": sendgrid, "postmark": postmark, "brevo": brevo, "mailgun": mailgun, "ses": ses, "sparkpost": sparkpost, "mailjet": mailjet,
    "mailersend": mailersend, "resend": resend, "standard": standard,
}
FORMATS = {source: Format(module.rows_of, module.read) for source, module in _MODULES.items()}
