"""A person as one read of the store gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from app.domain.consent import RESTRICTED
from app.domain.event import Identity
from app.domain.history import NO_HISTORY, History


class Profile(Struct):
    """`key` is where the person is filed (an alias already followed); None is an unknown person without an id.

    `record` is the stored decision of the send that was asked for, `sends` those of every send in the last 35 days
    (only where the read asked for them): send -> record bytes. `consents` holds purpose -> granted, `variants`
    experiment -> the variant that the person saw (`Experiment.stored`).
    """

    key: str | None = None
    history: History = NO_HISTORY
    traits: Mapping[str, Any] = {}  # noqa: RUF012 (a Struct copies it)
    consents: Mapping[str, bool] = {}  # noqa: RUF012
    identities: tuple[Identity, ...] = ()
    record: bytes | None = None
    sends: Mapping[str, bytes] = {}  # noqa: RUF012
    variants: Mapping[str, str] = {}  # noqa: RUF012
    known: bool = False
    erased: bool = False

    @property
    def restricted(self) -> bool:
        """Whether what is held of the person may not be used: they are answered like somebody unknown."""
        return self.consents.get(RESTRICTED) is True

    @property
    def purposes(self) -> dict[str, bool]:
        """The consents alone."""
        return {purpose: granted for purpose, granted in self.consents.items() if purpose != RESTRICTED}


NOBODY = Profile()
