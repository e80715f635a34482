"""The part of the API's reference that mails call by themselves: no key, the token in the address says for whom."""

from __future__ import annotations

from app.web import schemas as s
from app.web.reference_parts import Answer, Operation, Parameter, Sample

HTML = ("text/html",)
KEPT_BY_NOBODY = {"Cache-Control": "Nothing may be kept: an open is answered anew"}
_TOLD = "A token is good for 31 days and unreadable; a forged one is answered like one that never was."


def mails(sample: Sample) -> tuple[Operation, ...]:
    """Links, opens, pictures, unsubscription, preferences, forms."""
    return (
        Operation(
            "POST", "/amp/{token}/submit", "Content", "What a form in an AMP mail sends",
            (Answer(200, "Taken: an event of the person, and an answer about consent where the rules say so", s.FormAnswer, headers={"AMP-Email-Allow-Sender": "The sender, where it is listed"}),
             Answer(403, "The sender is not listed or the token is not ours: one answer for all, without CORS headers", s.ErrorAnswer),
             Answer(413, "Over 100 fields", s.FormRefusal), Answer(422, "`verifyErrors` names each wrong field", s.FormRefusal), Answer(503, "Try again after Retry-After", s.FormRefusal)),
            about="Urlencoded or multipart: Gmail turns the one into the other. The same answer within a minute counts once.", form=s.SubmittedForm,
            parameters=(_token(sample, "amp", "From the action-xhr of a form"), Parameter("AMP-Email-Sender", "header", "Version 2 of AMP's CORS: who sent the mail", sample.sender)),
        ),
        Operation(
            "GET", "/c/{token}", "Content", "A link that is followed",
            (Answer(302, "To the address in the token, while its host is listed under `inbox: clicks:`", media=(), headers={"Location": "The address"}), Answer(404, "It leads nowhere: a page that says so", media=HTML)),
            about=f"A click is an event; what scanners follow is told apart. HEAD is no click. An expired link still leads on, and tells nothing. {_TOLD}",
            parameters=(_token(sample, "c", "From a link of the HTML or AMP part"),),
        ),
        Operation(
            "GET", "/o/{token}.gif", "Content", "A mail that is opened",
            (Answer(200, "A transparent point, whatever the token", media=("image/gif",), headers=KEPT_BY_NOBODY),),
            about="An open is an event, once a minute and mail; what fetches ahead is told apart.", parameters=(_token(sample, "o", "From the HTML of a placement under `inbox: opens:`"),),
        ),
        Operation(
            "GET", "/i/{token}.{extension}", "Content", "The picture of what a placement shows, drawn when the mail is opened",
            (Answer(200, "A picture, whatever fails: a transparent point at worst", media=("image/png", "image/gif"), headers=KEPT_BY_NOBODY),),
            about="The stored decision, looked at again: price, stock and the time that is left are those of now. What fetches ahead gets the neutral variant.",
            parameters=(_token(sample, "i", "From `urls.image`"), Parameter("extension", "path", "`gif` for a countdown, `png` for a card", "png", ("png", "gif"))),
        ),
        Operation(
            "GET", "/u/{token}", "Content", "The page of one-click unsubscription",
            (Answer(200, "A page with one button; it changes nothing, since scanners follow links", media=HTML), _gone()),
            about=_TOLD, parameters=(_token(sample, "u", "From `urls.unsubscribe` or the List-Unsubscribe header"),),
        ),
        Operation(
            "POST", "/u/{token}", "Content", "Unsubscribe by one click (RFC 8058)",
            (Answer(200, "Done, as often as it comes: a page that says so", media=HTML), _gone(), Answer(503, "It is not done; come back after Retry-After", media=HTML)),
            about="Takes back every purpose under `inbox: unsubscribe:`, whatever the body says: no cookie, no key, no redirect, and no age at which a mail is too old.", form=s.OneClick,
            parameters=(_token(sample, "u", "From `urls.unsubscribe` or the List-Unsubscribe header"),),
        ),
        Operation(
            "GET", "/p/{token}", "Content", "What a person wants to hear of",
            (Answer(200, "A page with every declared purpose", media=HTML), _gone(), Answer(503, "Come back after Retry-After", media=HTML)),
            about=f"With an expired token the page offers to unsubscribe from everything, and nothing else. {_TOLD}", parameters=(_token(sample, "p", "From `urls.preferences`"),),
        ),
        Operation(
            "POST", "/p/{token}", "Content", "Save what a person wants to hear of",
            (Answer(200, "Saved: the page as things stand now", media=HTML), _gone(), Answer(413, "Too large a form", media=HTML), Answer(503, "It is not saved; come back after Retry-After", media=HTML)),
            about="Every declared purpose is answered: those that the form names are granted, all others denied.", form=s.PreferencesForm, parameters=(_token(sample, "p", "From `urls.preferences`"),),
        ),
    )


def _token(sample: Sample, surface: str, where: str) -> Parameter:
    return Parameter("token", "path", where, sample.tokens.get(surface, sample.token))


def _gone() -> Answer:
    return Answer(404, "The token is not ours, or nothing is declared that it could change", media=HTML)
