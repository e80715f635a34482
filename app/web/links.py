"""Links of a mail made ready for the inbox: UTM parameters, tokened addresses that tell of a click, the open pixel."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from app.content import links
from app.content.question import Answer, Question
from app.content.snapshot import Snapshot
from app.domain.decision import Choice
from app.domain.inbox import Inbox, with_parameters
from app.domain.json import is_list, is_object
from app.security.tokens import Tokens

LONGEST = 1_200
"""Of an address that fits into a token."""


class Links:
    """Mints addresses of links and pixels; they hold who, which send, where to, and what was shown."""

    def __init__(self, tokens: Tokens, public_url: str) -> None:
        self._tokens = tokens
        self._public_url = public_url

    def dress(self, snapshot: Snapshot, q: Question, answer: Answer, placement: str, surface: str, now: int) -> None:
        """What the placement shows on this surface, with its links as `inbox:` wants them. Calls of a preview, and of nobody,
        are followed nowhere."""
        inbox, choice = snapshot.definitions.inbox, answer.decision.choices[placement]
        if not choice.content:
            return
        followed = surface != "text" and inbox.clicks.track and self._followed(inbox.clicks.consent, q, answer)
        if inbox.clicks.hosts and (followed or inbox.clicks.utm):
            block, replace = snapshot.blocks.get(choice.block), self._replacing(inbox, q, choice, now, followed=followed)
            choice.content = _linked(choice.content, surface, block.linked if block is not None else frozenset(), replace)
        if surface == "html" and placement in inbox.opens.placements and self._followed(inbox.opens.consent, q, answer):
            choice.content += self.pixel(q, placement, choice.offer or "", now)

    def pixel(self, q: Question, placement: str, offer: str, now: int) -> str:
        """The picture that tells of an open."""
        assert q.identity is not None
        token = self._tokens.mint("o", placement, q.identity.key, q.send or "", q.mail or "", now, more=(offer,))
        return f'<img src="{escape(self._public_url)}/o/{token}.gif" width="1" height="1" border="0" alt="" style="display:block;width:1px;height:1px">'

    def _followed(self, consent: str, q: Question, answer: Answer) -> bool:
        return q.identity is not None and not q.preview and (not consent or answer.request.consents.get(consent) is True)

    def _replacing(self, inbox: Inbox, q: Question, choice: Choice, now: int, *, followed: bool) -> Callable[[str], str]:
        clicks, known = inbox.clicks, dict[str, str]()
        items = {item.fields.get("url"): item.id for item in choice.items}
        words = {"send": q.send or "", "mail": q.mail or "", "placement": choice.placement, "offer": choice.offer or "fallback", "block": choice.block}

        def replace(address: str) -> str:
            found = known.get(address)
            if found is None:
                ours = address.startswith(self._public_url + "/")
                named = {**words, "item": items.get(address, "")}
                found = known[address] = self._address(inbox, q, choice, now, address, named, followed=followed) if clicks.leads(address) and not ours else address
            return found

        return replace

    def _address(self, inbox: Inbox, q: Question, choice: Choice, now: int, address: str, words: dict[str, str], *, followed: bool) -> str:
        whole = with_parameters(address, inbox.clicks.utm, words)
        if not followed or q.identity is None or len(whole) > LONGEST:
            return whole
        more = (whole, choice.offer or "", words["item"])
        return f"{self._public_url}/c/{self._tokens.mint('c', choice.placement, q.identity.key, q.send or '', q.mail or '', now, more=more)}"


def _linked(content: Any, surface: str, names: frozenset[str], replace: Callable[[str], str]) -> Any:
    """The content with its links replaced; `names` are those by which an amp-list is linked from."""
    match surface:
        case "html" | "amp":
            return links.in_markup(content, replace)
        case "text":
            return links.in_text(content, replace)
        case "list":
            return listed(content, names, replace)
        case _:
            return content


def listed(data: Any, names: frozenset[str], replace: Callable[[str], str]) -> Any:
    """The JSON of an amp-list with the addresses of these names replaced, wherever they stand."""
    if is_object(data):
        return {name: replace(value) if name in names and isinstance(value, str) else listed(value, names, replace) for name, value in data.items()}
    return [listed(each, names, replace) for each in data] if is_list(data) else data
