"""Every error that Inlay raises on purpose.

InlayError
├── ContentInvalid        the user's folders hold mistakes; carries all of them
├── RequestInvalid        422: well-formed, wrong content
│   ├── Unparsable        400: not JSON, not UTF-8, too deep
│   └── TooLarge          413
├── NotFound              404: an unknown placement, mail, block, item, profile or decision
├── Conflict              409: what was asked for cannot be done any more
├── MethodNotAllowed      405: names the methods that the address takes
├── Unauthorised          401: no valid key
├── Forbidden             403: a valid key without the scope, or a sender that is not listed
├── RateLimited           429: one caller asks for more than its share
├── Overloaded            503: too many requests in flight
├── Starting              503: there is no content yet
├── Degraded              503: a placement that would rather fail than be degraded
├── StoreUnavailable      Redis is down, hung, refusing, or the breaker is open
├── SourceUnavailable     a stream does not answer
├── FellBehind            messages of a stream were dropped before they were read
├── LookupFailed          a third party is down, slow, wrong, not listed, or somewhere private
├── LeaseLost             a write came after the lease under which it was begun
├── Unreachable           503: what another server has to say is needed to answer, and it does not say it
├── SpoolFull             503: the store is away, and the spool has no room or cannot be written
├── ModelUnavailable      a model cannot be loaded or answered wrongly
├── SinkUnavailable       a stream or webhook takes nothing just now; says when it may
├── SinkRefused           a stream or webhook will never take it
├── RenderFailed          a template failed on this data
├── LogUnusable           logged decisions of which no estimate can be made
└── SettingsInvalid       the server cannot start as told
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in the user's content, or in a request's body (then `file` is empty)."""

    file: str
    line: int
    key: str
    message: str
    hint: str = ""
    warning: bool = False

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        level = "warning: " if self.warning else ""
        return f"{self.file}:{self.line} {self.key}: {level}{self.message}{hint}"


class InlayError(Exception):
    """The root: `code` is the machine's word for it, the message is for people."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, problems: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems
        if code is not None:
            self.code = code


class ContentInvalid(InlayError):
    """The content folders, or another file of the user's, cannot be used; `found` lists every problem, warnings included."""

    code = "content_invalid"

    def __init__(self, found: tuple[Problem, ...], where: str = "the content") -> None:
        errors = sum(not problem.warning for problem in found)
        super().__init__(f"{errors} problem{'s' if errors != 1 else ''} in {where}")
        self.found = found


class RequestInvalid(InlayError):
    code = "invalid"


class Unparsable(RequestInvalid):
    code = "unparsable"


class TooLarge(RequestInvalid):
    code = "too_large"


class NotFound(InlayError):
    code = "not_found"


class Conflict(InlayError):
    code = "conflict"


class MethodNotAllowed(InlayError):
    """`allow` lists the methods, as the header of that name does."""

    code = "method_not_allowed"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class Unauthorised(InlayError):
    code = "unauthorised"


class Forbidden(InlayError):
    code = "forbidden"


class RateLimited(InlayError):
    """`seconds` is when to come back."""

    code = "rate"

    def __init__(self, message: str, *, seconds: int = 1) -> None:
        super().__init__(message)
        self.seconds = seconds


class Overloaded(InlayError):
    code = "overloaded"


class Starting(InlayError):
    code = "starting"


class Degraded(InlayError):
    code = "degraded"


class StoreUnavailable(InlayError):
    code = "store_unavailable"


class SourceUnavailable(InlayError):
    code = "source_unavailable"


class FellBehind(InlayError):
    code = "fell_behind"


class SinkUnavailable(InlayError):
    """`wait` is after how many ms the receiver wants it again (0: it says nothing)."""

    code = "sink_unavailable"

    def __init__(self, message: str, *, wait: int = 0) -> None:
        super().__init__(message)
        self.wait = wait


class SinkRefused(InlayError):
    code = "sink_refused"


class LeaseLost(InlayError):
    code = "lease_lost"


class Unreachable(InlayError):
    code = "unreachable"


class SpoolFull(InlayError):
    code = "spool_full"


class LookupFailed(InlayError):
    """The message goes on from the host's name."""

    code = "lookup_failed"


class ModelUnavailable(InlayError):
    code = "model_unavailable"


class RenderFailed(InlayError):
    code = "render_failed"


class LogUnusable(InlayError):
    code = "log_unusable"


class SettingsInvalid(InlayError):
    code = "settings_invalid"
