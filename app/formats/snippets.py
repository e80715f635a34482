"""What to paste into each sender's template, so that it asks for a placement as that sender merges a mail.

Two rules hold for all: identity and send stand in the address, since senders cache by it; and the send is the sender's own id of
this dispatch, since a constant would serve yesterday's mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template


@dataclass(frozen=True, slots=True)
class Call:
    """`profile` and `send` are the sender's own expressions, already escaped for an address where it can. `text` is what is pasted,
    `$url` in it being the address, `$name` the placement as a variable is called, `$surface` the extension."""

    title: str
    profile: str
    send: str
    text: str
    about: tuple[str, ...]
    surface: str = ""
    """The one surface that can be asked for, where there is only one."""


CALLS: Mapping[str, Call] = {
    "braze": Call(
        "Braze, Connected Content", "{{${user_id} | url_param_escape}}", "{{campaign.${dispatch_id}}}",
        "{% connected_content $url :basic_auth inlay :no_cache :save $name %}\n{{$name}}\n",
        ("Store the key under Connected Content credentials with the name inlay: user name inlay, password the key.",
         "Leave :retry away: an answer that is late is not there in 2 s, and Inlay answers with a fallback long before. A 404 renders as nothing.",
         "The HTML, text and AMP parts each ask, and test renders too: the send makes all of them one decision. In a Canvas, $${dispatch_id} is campaign's too."),
    ),
    "iterable": Call(
        "Iterable, data feed", "[[userId]]", "[[campaignId]]-[[templateId]]",
        "$url\n\nIn the template, with the feed's alias $name:\n[[{$name.content}]]\n",
        ("Add it as a data feed with the header Authorization: Bearer KEY, caching off, merged by [[ ]], and choose it in the template.",
         "Anything but a 200 skips the recipient: Inlay answers 200 to unknown people too. It waits 10 s.",
         "A campaign that is sent again keeps its campaignId: put the date of this send behind it where the same people get it twice."),
        "json",
    ),
    "salesforce-ampscript": Call(
        "Salesforce Marketing Cloud, AMPscript", "", "", "%%[\nSET @who = URLEncode(_subscriberkey, 1, 1)\nSET @send = jobid\n"
        "SET @url = Concat('$base', '?profile=', @who, '&send=', @send$rest)\nSET @status = 0\nSET @html = HTTPGet(@url, true, 0, @status)\nIF @status != 0 OR Empty(@html) THEN SET @html = '<p>See what is new</p>' ENDIF\n]%%%%=v(@html)=%%\n",
        ("HTTPGet asks once for each address in a send: the subscriber in it keeps people apart. It cannot send a header: allow the sending addresses, or put the server behind one that adds the key.",
         "true goes on after an error, 0 takes empty content; the text after that is what stands there then. It waits 30 s. Of a triggered send jobid stays the same: put the day behind it."),
    ),
    "salesforce-ssjs": Call(
        "Salesforce Marketing Cloud, server-side JavaScript", "", "", '<script runat="server">\nPlatform.Load("Core", "1.1.1");\nvar who = encodeURIComponent(Attribute.GetValue("_subscriberkey")), send = Attribute.GetValue("jobid");\n'
        'var html = "<p>See what is new</p>";\ntry {\n  var request = new Script.Util.HttpRequest("$base?profile=" + who + "&send=" + send$rest_js);\n  request.emptyContentHandling = 0; request.retries = 1; request.continueOnError = true; request.timeout = 2000;\n'
        '  request.setHeader("Authorization", "Bearer " + Variable.GetValue("@inlay_key")); request.method = "GET";\n  var answer = request.send();\n  if (answer.statusCode == 200) { html = String(answer.content); }\n} catch (error) {}\nWrite(html);\n</script>\n',
        ("HttpRequest never caches, and can send the key as a header: set @inlay_key from a data extension that nobody else may read.",),
    ),
    "klaviyo": Call(
        "Klaviyo, web feed", "", "", "$feed\n\nIn the template, with the feed's name $name:\n{% with shown=feeds.$name.placements|lookup:'$raw' %}{{ shown.html|safe }}{% endwith %}\n",
        ("A web feed is the same for everybody and is fetched every 15 minutes, within 5 s: it shows what anybody may have. Personal content needs open-time pictures (urls.image) or an export.",
         "Authentication: basic, user name inlay, password the key. Three bad nights switch the feed off: Inlay always answers 200."),
        "json",
    ),
    "customerio": Call(
        "Customer.io, webhook of a workflow", "{{customer.id | url_encode}}", "{{campaign.id}}-{{delivery_id}}", "GET $url\nAuthorization: Bearer KEY\n\nSave the answer in a journey attribute, then in the message:\n{{ journey.$name.content }}\n",
        ("The call is a step before the message, not part of its rendering: place it right before the message.",), "json",
    ),
    "emarsys": Call(
        "Emarsys, External Content", "", "", "$batch\n\nReference field: contact_id. Response fields: html, text, offer (and any variable of the block).\n\nIn the message, with a token on the response field html:\n{{ external.$name.html }}\n",
        ("Basic HTTP authentication: user name inlay, password the key. The call is a batch that echoes every reference field: POST /v1/senders/emarsys answers in its shape, and always 200, since a 4xx pauses the programme.",
         "Put the campaign's id behind send= in the connection of each campaign."),
    ),
    "adobe-campaign": Call(
        "Adobe Campaign", "", "", '<%= getURL("$base?profile=" + encodeURIComponent(recipient.id) + "&send=" + delivery.id$rest_js) %>\n',
        ("getURL asks for each recipient as the mail is made; <%@ include url %> asks once for all and would show one person's content to everybody.",
         "Links in what comes back are not tracked by Campaign: let Inlay follow them (inbox: clicks). getURL sends no header: let a proxy add the key."),
    ),
    "adobe-journey-optimizer": Call(
        "Adobe Journey Optimizer, custom action", "{{profile.person.crmId}}", "{{context.system.source.id}}-{{context.journey.technicalProperties.journeyVersionId}}",
        "GET $url\nHeader: Authorization: Bearer KEY\n\nIn the message, from the action's response (version 2 of custom actions):\n{{{context.journey.actions.$name.content}}}\n",
        ("An action may call more than an external source does (15 a second); retries are idempotent with the send.", "Set the action's timeout to 1 s, and go on with the timeout path."), "json",
    ),
    "airship": Call(
        "Airship, external data feed", "{{named_user_id}}", "{{send_id}}", "$url\nHeader: Authorization: Bearer KEY\n\nIn the message, with the feed's name $name:\n{{{$name.content}}}\n",
        ("A feed has either a throttle (100 a second at least) or a cache: take the throttle, a cache would be shared.", "An answer must be application/json with an object on top: it is."), "json",
    ),
    "moengage": Call(
        "MoEngage, Content API", "{{UserAttribute['Customer ID']}}", "{{CampaignAttribute['Campaign ID']}}", "$url\nHeader: Authorization: Bearer KEY\n\nIn the message, with the Content API's name $name:\n{{ContentApi.$name().content}}\n",
        ("Its calls come from the user agent moengage-bot: let no firewall turn that away (406).",), "json",
    ),
    "clevertap": Call(
        "CleverTap, Linked Content", "{{Profile.Identity}}", "{{Campaign.campaignId}}",
        "$url\nHeader: Authorization: Bearer KEY\n\nIn the message, with the Linked Content's name $name:\n{{ Linked.$name.content }}\n",
        ("Make the Linked Content first, under settings; what stands behind profile= and send= are its query parameters, mapped to these as the campaign is made.",
         "A label of the answer has to be added before it can be used: add content, by auto-fill."), "json",
    ),
    "dotdigital": Call(
        "Dotdigital, external dynamic content", "@CONTACT_ID@", "@CAMPAIGN_ID@", "$url\n",
        ("Paste it as the address of an external dynamic content block; data fields may stand in the path and the query, never in the host.", "Throttle sends over a few hundred, as Dotdigital asks; it sends no header: let a proxy add the key."),
    ),
    "sailthru": Call(
        "Sailthru (Marigold), data feed", "", "", "$feed\n\nIn the template:\n{$name = first(content)}{$name.html}\n",
        ("The feed is asked once before a blast, not for each person: it shows what anybody may have, as the entry of the list content, whose url field Sailthru asks for.",), "json",
    ),
    "cordial": Call(
        "Cordial", "{$contact.channels.email.id}", "{$message.id}", "{$$$name = $$utils->getJson('$url')}\n{$$$name.content nofilter}\n",
        ("getJson runs as each mail is rendered.",), "json",
    ),
    "notifuse": Call(
        "Notifuse, recipient feed", "", "", "$recipient\nHeader: Authorization: Bearer KEY\n\nIn the template:\n{{ recipient_feed.placements['$raw'].html }}\n",
        ("Notifuse posts the contact and the broadcast; three failures pause the broadcast: POST /v1/senders/notifuse answers in its shape and always 200.", "The person is contact.external_id, the send broadcast.id."),
    ),
    "listmonk": Call(
        "listmonk", "", "", "inlay export decisions --for listmonk --mail MAIL --send SEND people.csv > subscribers.csv\n\nIn the campaign's template:\n{{ .Subscriber.Attribs.${name}_html | Safe }}\n",
        ("listmonk makes no call as it sends: import the file (it overwrites attributes), then send; or send whole mails of POST /v1/messages/render by its transactional API.",),
    ),
}
"""sender -> how it asks. What is not here makes no call: Mailchimp and HubSpot take an export (`inlay export decisions`)."""

EXPORTED = ("mailchimp", "hubspot", "listmonk")
"""Senders that take decisions ahead, as fields of a list."""

SENDERS = tuple(dict.fromkeys((*CALLS, *EXPORTED)))
"""All that are known, each once."""


def snippet(sender: str, placement: str, base: str, *, mail: str = "", surface: str = "html") -> str:
    """The text to paste for one placement; `base` is the server's public address."""
    call, surface = CALLS[sender], CALLS[sender].surface or surface
    path = f"{base}/v1/placements/{placement}.{surface}"
    more = f"&mail={mail}" if mail else ""
    content = "&content=html" if surface == "json" else ""
    url = f"{path}?profile={call.profile}&send={call.send}{more}{content}"
    named = f"?placement={placement}{more}"
    return Template(call.text).safe_substitute(
        url=url, base=path, rest=f", '{more}'" if more else "", rest_js=f' + "{more}"' if more else "",
        name=f"inlay_{placement}".replace("-", "_"), raw=placement, surface=surface, feed=f"{base}/v1/senders/feed{named}", batch=f"POST {base}/v1/senders/emarsys{named}&profile=contact_id&send=CAMPAIGN",
        recipient=f"POST {base}/v1/senders/notifuse{named}",
    )
