"""Under which names a sender's own data on a mail hold what tells whose mail it was."""

from __future__ import annotations

from typing import NamedTuple


class CustomKeys(NamedTuple):
    """The names of the person, the send and the mail's id; of each the first that is there counts."""

    profile: tuple[str, ...] = ("inlay_profile", "user_id", "userId")
    send: tuple[str, ...] = ("inlay_send",)
    message: tuple[str, ...] = ("inlay_message", "anymail_id")


USUAL_KEYS = CustomKeys()
