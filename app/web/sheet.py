"""The one small page that recipients see: a card with a title, on a phone as on a desk, light and dark, without any script."""

from __future__ import annotations

from html import escape

from app.web.asgi import Headers

_CSS = """
:root{color-scheme:light dark;--ink:#14181f;--muted:#5b6573;--page:#f6f7f9;--surface:#fff;--line:#e3e7ec;--accent:#2f5bea;--on:#fff;--good:#1b7f4b}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebf0;--muted:#9aa4b2;--page:#0f1216;--surface:#171b21;--line:#2a3038;--accent:#7d9bff;--on:#0f1216;--good:#4cc38a}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 -apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
main{max-width:480px;margin:0 auto;padding:40px 16px}.card{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:24px}
h1{font-size:20px;line-height:1.2;margin:0 0 12px}p{margin:0 0 16px}.muted{color:var(--muted);font-size:14px}.good{color:var(--good)}
button{width:100%;min-height:44px;padding:10px 24px;border:0;border-radius:8px;background:var(--accent);color:var(--on);font:inherit;font-weight:600;cursor:pointer}
button.quiet{background:transparent;color:var(--accent);border:1px solid var(--line)}a{color:var(--accent)}
button:focus-visible,input:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
fieldset{border:0;margin:0 0 16px;padding:0}label{display:flex;gap:12px;padding:12px 0;border-bottom:1px solid var(--line);min-height:44px;align-items:flex-start;cursor:pointer}
input[type=checkbox]{width:20px;height:20px;margin:2px 0 0;accent-color:var(--accent);flex:none}label b{display:block;font-weight:600}form+form{margin-top:12px}
"""
HEADERS: Headers = [
    (b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"private, no-store"), (b"referrer-policy", b"no-referrer"), (b"x-robots-tag", b"noindex"),
    (b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
]


def sheet(title: str, body: str, language: str = "en") -> bytes:
    """The page; `body` is markup that the caller has escaped."""
    direction = "rtl" if language.partition("-")[0] in ("ar", "fa", "he", "ur") else "ltr"
    return (
        f'<!doctype html>\n<html lang="{escape(language)}" dir="{direction}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{_CSS}</style></head>'
        f'<body><main><div class="card"><h1>{escape(title)}</h1>{body}</div></main></body></html>\n'
    ).encode()
