"""What the texts of blocks are in another language."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})


@dataclass(frozen=True, slots=True)
class Translation:
    """`messages` maps a text as it stands in templates to its forms: one, or one for each plural of `plural`, gettext's
    formula in C. `language` is a tag such as `de` or `pt-br`; `files` is where it was read."""

    language: str
    messages: Mapping[str, tuple[str, ...]]
    plural: str = "n != 1"
    files: tuple[str, ...] = field(default=(), compare=False)

    @property
    def right_to_left(self) -> bool:
        return self.language.partition("-")[0] in RIGHT_TO_LEFT

    def of(self, text: Any) -> Any:
        """The translated text; what is no text, or has no translation, as it is."""
        found = self.messages.get(text) if type(text) is str else None
        return text if found is None else found[0]

    def counted(self, text: str, number: int) -> str:
        """What is said of a number, which stands in the text as `{number}`."""
        forms = self.messages.get(text, (text,))
        return forms[min(self.form(number), len(forms) - 1)].replace("{number}", str(number))

    def form(self, number: float) -> int:
        """Which of the forms goes with a number."""
        return int(gettext.c2py(self.plural)(int(abs(number))))


def tag(value: object) -> str:
    """A language as people and programs write it (`de_DE.UTF-8`, `de-DE`), as a tag; empty what is none."""
    return value.partition(".")[0].replace("_", "-").lower() if isinstance(value, str) else ""


def wanted(profile: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """The language of a request: what it says itself, else the person's own."""
    return tag(context.get("language") or profile.get("language") or profile.get("locale"))
