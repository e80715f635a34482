"""What bandits learn, as the whole fleet shares it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.domain.bandits import Outcome, Posterior, Showing, Standing


class BanditStore(Protocol):
    """Each bandit by the name of its state, `Bandit.state`; every change is one atomic step. Raises `StoreUnavailable`."""

    async def show(self, state: str, showings: Sequence[Showing]) -> None:
        """These draws were recorded: they count as shown, each pending until its reward comes or its time is over. One that is pending already, or was rewarded,
        changes nothing; nor does one that was drawn before its arm was last reset."""
        ...

    async def reward(self, showing: Showing, value: float, now: int) -> Outcome:
        """A draw earned this. The first reward of a draw counts, whether it is still pending or was settled without one; then it is settled.
        A draw of which nothing was heard counts as shown."""
        ...

    async def withdraw(self, showings: Sequence[Showing]) -> None:
        """The decisions were voided: these draws are pending no more, and nothing comes of them."""
        ...

    async def settle(self, state: str, now: int, most: int) -> int:
        """Pending draws whose time is over are settled, as having earned nothing; at most so many. How many it were."""
        ...

    async def publish(self, state: str, now: int, every: int) -> bool:
        """What is known becomes the next posterior, where there is news, it is not frozen, and the latest is at least `every` ms old."""
        ...

    async def posteriors(self, states: Sequence[str]) -> dict[str, Posterior]:
        """Those that were published, the latest of each."""
        ...

    async def past(self, state: str, version: int) -> Posterior | None:
        """An earlier one: the latest 10,000 are kept."""
        ...

    async def standing(self, state: str) -> Standing: ...

    async def note(self, state: str, outcome: Outcome) -> None:
        """Count a reward that was not passed on to `reward`."""
        ...

    async def freeze(self, state: str, *, frozen: bool) -> bool:
        """Publish nothing any more, or again; False where it stood so already. What comes in meanwhile is known, and is published after."""
        ...

    async def reset(self, state: str, offer: str | None = None) -> None:
        """Forget all that is known of one arm, or of all; published at once, frozen or not. Draws from before no longer count."""
        ...

    async def states(self) -> Mapping[str, str]:
        """Every state of which something is kept: state -> bandit."""
        ...
