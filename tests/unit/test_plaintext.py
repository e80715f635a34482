"""Text that is derived from HTML reads like text."""

from __future__ import annotations

import pytest

from app.content.plaintext import plaintext


@pytest.mark.parametrize("html,text", [
    ("<p>a</p><p>b</p>", "a\n\nb"), ("<h1>T</h1>one<br>two", "T\n\none\ntwo"), ("<ul><li>a</li>\n<li>b</li></ul>c", "- a\n- b\n\nc"), ("<div>a</div><div>b</div>", "a\nb"),
    ("<table><tr><td>a</td><td>b</td></tr>\n  <tr><th>c</th><th>d</th></tr></table>", "a b\nc d"), ('<a href="https://x.example/">\n Go\n</a>', "Go (https://x.example/)"),
    ('<a href="https://x.example/"><img src="x" alt="Shoe"></a>', "Shoe (https://x.example/)"), ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
    ('<a href="mailto:a@b.example">Write</a>', "Write (a@b.example)"), ('<a href="#">x</a> <a>y</a>', "x y"), ("a &amp; b&nbsp;&lt;c&gt;", "a & b <c>"),
    ("<style>p{}</style><title>t</title><p>x</p>", "x"), ("<p></p><p> </p><div></div><p>x</p>\n\n\n", "x"), ("<!--[if mso]>mso<![endif]-->ok", "ok"), ('<img src="x">', ""),
    ("<p>a\n   b</p>", "a b"), ("a&zwnj;&nbsp;&zwnj;b", "a b"), ("</a></p></td>x", "x"),
])
def test_markup_becomes_readable_text(html, text):
    assert plaintext(html) == text + "\n"
