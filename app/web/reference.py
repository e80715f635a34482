"""The API's reference: every operation with its parameters, bodies, answers, and examples that work when they are tried.

`openapi.py` makes a document of it. Examples name what the running server knows (`Sample`), so that each can be sent as it is.
"""

from __future__ import annotations

from typing import Any

from app.formats.esps import FORMATS
from app.web import schemas as s
from app.web.reference_mails import mails
from app.web.reference_models import inference
from app.web.reference_parts import Answer, Operation, Parameter, Sample
from app.web.surfaces import CONTENT_TYPES, EXTENSIONS

NDJSON = "application/x-ndjson"


TAGS: dict[str, str] = {
    "Content": "What an ESP calls while it merges a mail, and what inboxes fetch when it is opened",
    "Decisions": "For internal services: several placements, whole lists of people, the reasons",
    "Events": "What people did; the next decision knows it",
    "People": "What is known of a person, and their rights",
    "Segments": "Who is in them, as people enter and leave",
    "Reports": "What experiments and holdouts showed",
    "Items": "The catalogue; every worker sees a change within a second",
    "Models": "Scores and nothing else, by the Open Inference Protocol (KServe, version 2)",
    "Operations": "For probes, monitoring and developers",
}
DEGRADED = {"X-Inlay-Degraded": "Why the answer is not what it could be, where it is not"}
DECISION = {"X-Inlay-Decision": "The decision's id", "X-Inlay-Decided-At": "When it was taken"}
_ERRORS = {
    400: "Not JSON, not UTF-8, or deeper than 32", 401: "No valid key", 403: "The key lacks the scope", 404: "Unknown; the message names what there is",
    413: "Over 4 MiB", 422: "Wrong content; `problems` names each wrong key", 503: "The store is away, or too many requests are in flight; come back after Retry-After",
}


def errors(*statuses: int) -> tuple[Answer, ...]:
    return tuple(Answer(status, _ERRORS[status], s.ErrorAnswer) for status in statuses)


_BODY_ERRORS = errors(400, 401, 403, 413, 422, 503)


def operations(sample: Sample) -> tuple[Operation, ...]:
    """Every operation, in the order in which a reader wants them."""
    return (*_content(sample), *mails(sample), *_senders(sample), *_decisions(sample), *_events(sample), *_people(sample), *_segments(), *_reports(sample), *_items(sample), *inference(sample), *_running())


def _content(sample: Sample) -> tuple[Operation, ...]:
    media = tuple(dict.fromkeys(CONTENT_TYPES[surface].decode().partition(";")[0] for surface in EXTENSIONS.values()))
    return (
        Operation(
            "GET", "/v1/placements/{placement}.{surface}", "Content", "The content of one placement for one person",
            (Answer(200, "Always valid content: a fallback where anything fails", s.PlacementAnswer, media, {**DECISION, **DEGRADED}), *errors(401, 403, 404)),
            "content", "What an ESP merges into a mail. Idempotent: with a `send`, every part and every retry of it get one choice. Nothing here is a 4xx for a person who is unknown.",
            (
                Parameter("placement", "path", "A placement of the rules", sample.placement, sample.placements),
                Parameter("surface", "path", "`html`, `txt`, `json`, or `amp`: markup with a tokened amp-list", "html", tuple(EXTENSIONS)),
                Parameter("profile", "query", "A user id, or `kind:value`. An e-mail address in a URL gets the fallback", sample.profile),
                Parameter("send", "query", "Names the send; without it nothing is recorded", sample.send),
                Parameter("mail", "query", "Decide all placements of this mail at its first call", sample.mail, sample.mails),
                Parameter("content", "query", "With `json`: `html` or `text` beside the parts, for senders that take JSON alone", values=("html", "text")),
                *(Parameter(f"ctx.{name}", "query", "Context that the rules declare") for name in sample.context),
            ),
        ),
        Operation(
            "GET", "/amp/{token}", "Content", "What an AMP mail's list fetches when the mail is opened",
            (Answer(200, "The list, also for a token that has expired", s.AmpList, headers={"AMP-Email-Allow-Sender": "The sender, where it is listed", **DEGRADED}),
             Answer(403, "The sender is not listed or the token is not ours: one answer for all, without CORS headers", s.ErrorAnswer),
             Answer(400, "A version 1 request without Origin", s.ErrorAnswer)),
            about="Tokens stand in the `.amp` surface; they are bound to the person, the send and the placement, and live for 31 days. Consent, stock and prices are looked at again at open. Senders are listed in `INLAY_AMP_SENDERS`.",
            parameters=(
                Parameter("token", "path", "From the src of an amp-list", sample.token),
                Parameter("AMP-Email-Sender", "header", "Version 2 of AMP's CORS: who sent the mail", sample.sender),
                Parameter("__amp_source_origin", "query", "Version 1: who sent the mail, beside an Origin header"),
            ),
        ),
    )


def _senders(sample: Sample) -> tuple[Operation, ...]:
    which = (
        Parameter("placement", "query", "One or several, comma-separated; all of the mail where it is left out", sample.placement, sample.placements),
        Parameter("mail", "query", "Decide all placements of this mail at its first call", values=sample.mails), Parameter("send", "query", "Names the send"),
    )
    field = Parameter("profile", "query", "The reference field that holds the person (contact_id)")
    wrong = errors(400, 401, 403, 404, 413, 422, 503)
    return (
        Operation("POST", "/v1/messages/render", "Content", "A whole mail for one person", (Answer(200, "The parts, the headers, the message, and what clients will do to it", s.MessageAnswer), *errors(400, 401, 403, 404, 413, 422, 503)),
                  "decide", "`<div data-content=\"placement\">` takes the content; in the text a line `[[placement]]` does.", models=(s.MessageRequest,),
                  examples={"One placement": {"profile": sample.profile, "subject": "Hello", "template": {"html": f'<html><head></head><body><div data-content="{sample.placement}"></div></body></html>'}}}),
        Operation("POST", "/v1/senders/emarsys", "Content", "Answer a batch of Emarsys' External Content", (Answer(200, "Every parameter echoed, with the response fields", s.EmarsysAnswer), *wrong), "content",
                  "Response fields are `html`, `text`, `offer` and the variables of the block.", (*which, field), (s.EmarsysRequest,),
                  {"Two contacts": {"parameters": [{"contact_id": sample.profile}, {"contact_id": "unknown"}], "fields": ["html"], "limit": 2}}),
        Operation("POST", "/v1/senders/notifuse", "Content", "Answer Notifuse's recipient feed", (Answer(200, "What each placement shows the contact", s.ShownAnswer), *wrong), "content",
                  "The person is `contact.external_id`, the send `broadcast.id`.", which, (s.NotifuseRequest,), {"A contact": {"contact": {"external_id": sample.profile}, "broadcast": {"id": "b1"}}}),
        Operation("GET", "/v1/senders/feed", "Content", "What placements show anybody, for feeds that are fetched once for all", (Answer(200, "The same for everybody, for five minutes", s.ShownAnswer), *errors(401, 403, 404, 422)),
                  "content", "Klaviyo's web feeds and Sailthru's data feeds are not per person.", which[:2]),
    )


def _decisions(sample: Sample) -> tuple[Operation, ...]:
    asked: dict[str, Any] = {"send": sample.send, "placements": list(sample.placements[:2]), "explain": True} | ({"mail": sample.mail} if sample.mail else {})
    return (
        Operation(
            "POST", "/v1/decisions", "Decisions", "Decide for one person",
            (Answer(200, "One choice per placement; `degraded` says what could not be used", s.DecisionAnswer), *_BODY_ERRORS[:3], *errors(404), *_BODY_ERRORS[3:]),
            "decide", models=(s.DecisionRequest,), examples={"With reasons": {"profile": sample.profile, **asked}, "Rendered": {"profile": sample.profile, "placements": [sample.placement], "surface": "html"}},
        ),
        Operation(
            "POST", "/v1/decisions/batch", "Decisions", "Decide for up to 1,000 people, answered as NDJSON",
            (Answer(200, "A line per recipient in the order given: a decision, or `{\"index\", \"error\"}`", s.DecisionAnswer, (NDJSON,)), *_BODY_ERRORS[:3], *errors(404), *_BODY_ERRORS[3:]),
            "decide", models=(s.BatchRequest,), examples={"Two people": {"placements": [sample.placement], "recipients": [{"profile": sample.profile}, {"profile": "u2"}]}},
        ),
        Operation(
            "GET", "/v1/decisions/{decision_id}", "Decisions", "A recorded decision, every candidate and why not",
            (Answer(200, "As it was taken; items are ids with the price of that instant", s.StoredAnswer), *errors(401, 403, 404, 503)),
            "decide", "Decisions for a send are recorded, for 35 days; others are a 404 `not_recorded`. The example is that of `POST /v1/decisions`: try that first.",
            (Parameter("decision_id", "path", "From any answer", sample.decision),),
        ),
        Operation(
            "DELETE", "/v1/decisions/{decision_id}", "Decisions", "Take a send back: it did not go out",
            (Answer(204, "Nothing is recorded of it any more; its caps and codes are free for others"), *errors(401, 403, 404),
             Answer(409, "A delivery, open or click of it is known", s.ErrorAnswer), *errors(503)),
            "decide", "What was counted for the send counts no more, and its codes go back to their pools, once: the second call is a 404 `not_recorded`.",
            (Parameter("decision_id", "path", "From any answer", sample.decision),),
        ),
        Operation(
            "POST", "/v1/recommendations", "Decisions", "Items for a person",
            (Answer(200, "The best first", s.RecommendationAnswer), *_BODY_ERRORS), "decide", models=(s.RecommendationRequest,),
            examples={"From the catalogue": {"profile": sample.profile, "from": "catalogue", "filter": {"field": "item.price", "lt": 100}, "rank": "-item.price", "limit": 3}},
        ),
    )


def _events(sample: Sample) -> tuple[Operation, ...]:
    viewed = {"type": "track", "userId": sample.profile, "event": "Product Viewed", "properties": {"product_id": sample.item, "category": "shoes", "price": 129}}
    known = {"type": "identify", "userId": sample.profile, "anonymousId": "web-1", "traits": {"city": "Berlin"}}
    open_ = {"event": "open", "email": "mara@example.com", "timestamp": 1_790_000_000, "sg_event_id": "e1"}
    return (
        Operation(
            "POST", "/v1/events", "Events", "Take Segment-shaped events, one or a batch, or CloudEvents",
            (Answer(200, "Every accepted event is durable and applied; valid ones are kept whatever their neighbours are", s.EventsAnswer), *_BODY_ERRORS),
            "events", models=(s.Event, s.EventBatch), examples={"One": viewed, "A batch": {"batch": [known, {**viewed, "messageId": "m-1"}]}},
        ),
        Operation(
            "POST", "/v1/webhooks/{source}", "Events", "Take what an ESP reports of its mails",
            (Answer(200, "Every accepted event is durable and applied", s.WebhookAnswer), *errors(400), Answer(401, "Forged, stale, or no key is set for the source", s.ErrorAnswer),
             *errors(404), Answer(409, "The same request was taken before (Mailgun: 406)", s.ErrorAnswer), Answer(413, "Over 16 MiB", s.ErrorAnswer), *errors(503)),
            about="No API key: the ESP's own signature or secret over the raw body counts. docs/webhooks.md says what to set for each. The example is SendGrid's, without its signature.",
            parameters=(Parameter("source", "path", "Who reports", "sendgrid", tuple(FORMATS)),), models=(s.Reported,), examples={"An open": open_},
        ),
        Operation("GET", "/v1/inlay.js", "Events", "The script for web pages", (Answer(200, "Cacheable for an hour", media=("text/javascript",)), Answer(304, "As it was"))),
        Operation(
            "GET", "/v1/pixel.gif", "Events", "An event from a page or mail without script", (Answer(200, "Always a picture; what was wrong is counted", media=("image/gif",)),),
            about="Its public key stands in the address. Without an anonymous id or a proven user nothing is kept.",
            parameters=(
                Parameter("key", "query", "A web key"), Parameter("e", "query", "The event; page_viewed where left out", "Guide Read"), Parameter("a", "query", "The anonymous id, 16 to 64 characters"),
                Parameter("u", "query", "Instead: a user id"), Parameter("h", "query", "Its proof: HMAC-SHA256 in hex"), Parameter("m", "query", "The messageId"),
            ),
        ),
    )


def _people(sample: Sample) -> tuple[Operation, ...]:
    who = (Parameter("id", "path", "A user id, or `kind:value`", sample.profile),)
    told = Answer(200, "The person as they are now", s.Profile)
    path = "/v1/profiles/{id}"
    purposes = sample.purposes[:1] or ("marketing",)
    reading, writing = errors(401, 403, 404, 422, 503), (*_BODY_ERRORS[:3], *errors(404), *_BODY_ERRORS[3:])
    return (
        Operation("GET", path, "People", "What is known of a person", (told, *reading), "profiles", parameters=who),
        Operation("GET", f"{path}/events", "People", "The kept history, the newest first", (Answer(200, "A page of it", s.HistoryPage), *reading), "profiles",
                  parameters=(*who, Parameter("limit", "query", "Events a page, 1 to 1,000; 100 where left out", "50"), Parameter("before", "query", "The `next` of the page before"))),
        Operation("GET", f"{path}/export", "People", "Everything that is held of a person", (Answer(200, "Traits, consents, every kept event, every recorded decision", s.Export), *reading),
                  "profiles", parameters=who),
        Operation("PATCH", path, "People", "Set traits; null removes", (told, *writing), "profiles", "A person who was erased is a 404.", who,
                  (s.TraitsPatch,), {"Two traits": {"traits": {"city": "Hamburg", "tier": "gold"}}}),
        Operation("DELETE", path, "People", "Erase a person, leaving a tombstone", (Answer(204, "Gone, also where nothing was known"), *errors(401, 403, 422, 503)), "profiles",
                  "Later events of the person are dropped; every surface treats them like somebody unknown.", (Parameter("id", "path", "A user id, or `kind:value`", "somebody"),)),
        Operation("GET", f"{path}/consents", "People", "What a person agreed to, with every answer that led there", (Answer(200, "The answers", s.ConsentsTold), *reading),
                  "profiles", parameters=who),
        Operation("PUT", f"{path}/consents", "People", "Record consents", (Answer(200, "What was recorded", s.Consents), *writing), "profiles",
                  "Purposes are declared under `consents:` of the rules; a declared one without a record is denied. Of several answers the latest holds.", who, (s.ConsentsRequest,),
                  {"Granted": dict.fromkeys(purposes, "granted"), "With its source": dict.fromkeys(purposes, {"status": "granted", "source": "sign-up form", "version": "2026-03"})}),
        Operation("PUT", f"{path}/restriction", "People", "Restrict what is done with a person's data, or lift it", (Answer(200, "What holds from the next call on", s.Restriction), *writing),
                  "profiles", "Everything is still held, and nothing of it used: every surface treats them like somebody unknown, and no send is recorded.",
                  (Parameter("id", "path", "A user id, or `kind:value`", "somebody-else"),), (s.Restriction,), {"Restrict": {"restricted": True}}),
    )


def _segments() -> tuple[Operation, ...]:
    return (
        Operation("GET", "/v1/segments", "Segments", "Every segment with the number of people in it", (Answer(200, "Sizes as of now, and how far filling new segments has come", s.SegmentList), *errors(401, 403, 503)), "profiles"),
        Operation("GET", "/v1/segments/{id}/profiles", "Segments", "Who is in a segment, page by page",
                  (Answer(200, "People in a stable order, and the cursor of the next page; for CSV and NDJSON it is in `X-Inlay-Next`", s.SegmentPage, media=("application/json", NDJSON, "text/csv")), *errors(401, 403, 404, 422, 503)),
                  "profiles", parameters=(
                      Parameter("id", "path", "The segment's id", "lapsed"), Parameter("limit", "query", "1 to 10,000; 100 where absent", 100),
                      Parameter("after", "query", "The `next` of an earlier page"), Parameter("format", "query", "json where absent", "json", ("json", "ndjson", "csv")),
                  )),
    )


def _reports(sample: Sample) -> tuple[Operation, ...]:
    told = (Answer(200, "Rates, lift with intervals, whether the data can be trusted, and the finding in a sentence", s.ReportAnswer, ("application/json", "text/html")), *errors(401, 403, 404, 422, 503))
    asked = (
        Parameter("from", "query", "Only who was first shown it on this day or later"),
        Parameter("to", "query", "Only who was first shown it before this day"), Parameter("format", "query", "json where absent", "json", ("json", "html")),
    )
    about = "Out of the packed decision log; `notes` say what is missing. Takes seconds, and waits for its turn."
    return (
        Operation("GET", "/v1/reports/experiments/{name}", "Reports", "What an experiment showed", told, "admin", about, (Parameter("name", "path", "As in the rules", next(iter(sample.experiments), "hero_copy"), sample.experiments), *asked)),
        Operation("GET", "/v1/reports/holdouts/{name}", "Reports", "What those who are held out do, against those who are not", told, "admin", about, (Parameter("name", "path", "As in the rules", next(iter(sample.holdouts), "universal"), sample.holdouts), *asked)),
    )


def _items(sample: Sample) -> tuple[Operation, ...]:
    which = (Parameter("id", "path", "The item's id", sample.item),)
    told = Answer(200, "The item as it is now", s.Item)
    path = "/v1/items/{id}"
    whole = {"name": "Fjell Trail shoe", "price": 129, "stock": 24, "category": "shoes", "url": "https://nordlys.example/p/fjell", "image": "https://nordlys.example/p/fjell.png"}
    return (
        Operation("GET", path, "Items", "An item", (told, *errors(401, 403, 404, 503)), "decide", parameters=which),
        Operation("PUT", path, "Items", "Replace or add an item", (told, *_BODY_ERRORS), "admin", parameters=which, models=(s.ItemFields,), examples={"A shoe": whole}),
        Operation("PATCH", path, "Items", "Change fields of an item; null removes", (told, *_BODY_ERRORS[:3], *errors(404), *_BODY_ERRORS[3:]), "admin", parameters=which,
                  models=(s.ItemFields,), examples={"Stock and price": {"stock": 23, "price": 119}}),
        Operation("DELETE", path, "Items", "Remove an item", (Answer(204, "Gone, also where it was not there"), *errors(401, 403, 503)), "admin",
                  parameters=(Parameter("id", "path", "The item's id", "old-shoe"),)),
    )


def _running() -> tuple[Operation, ...]:
    text = ("text/plain",)
    return (
        Operation("GET", "/healthz", "Operations", "The process is alive; nothing else is looked at", (Answer(200, "Alive", s.Alive),)),
        Operation("GET", "/readyz", "Operations", "The server has content and is not stopping",
                  (Answer(200, "Ready, degraded or not", s.Ready), Answer(503, "Before the first content, and while stopping", s.Ready)),
                  about="Degraded is ready: a blip of Redis takes no replica out. Details in development mode and with a key that has `admin`."),
        Operation("GET", "/metrics", "Operations", "Prometheus metrics", (Answer(200, "docs/metrics.md explains each", media=text), *errors(401, 403)), "admin"),
        Operation("GET", "/openapi.json", "Operations", "This reference, for machines", (Answer(200, "OpenAPI 3.1"), *errors(401, 403)), "admin"),
        Operation("GET", "/docs", "Operations", "This reference, for people", (Answer(200, "A page", media=("text/html",)), *errors(401, 403)), "admin"),
        Operation("GET", "/", "Operations", "Several people's mails side by side, each with the reason for its choice",
                  (Answer(200, "A page", media=("text/html",)), *errors(401, 403)), "admin"),
    )


__all__ = ["NDJSON", "TAGS", "Answer", "Operation", "Parameter", "Sample", "operations"]
