"""AMP templates are held to the validator's rules at load, and documents around them are complete."""

from __future__ import annotations

import pytest

from app.content.amp import amp_document, lint, mustache_urls, verbatim

GOOD = '<amp-list src="{{ urls.amp }}" width="600" height="200" layout="fixed-height" single-item><template type="amp-mustache">{}</template></amp-list>'


@pytest.mark.parametrize("source", [
    GOOD.replace("{}", '<a href="{{url}}" class="a {{b}}">{{name}}</a><amp-img src="{{image}}" width="1" height="1"></amp-img>'),
    GOOD.replace("{}", "{{#items}}{{name}}{{/items}}"), '<amp-list src="https://s.example:8443/x"></amp-list>',
    '<form method="post" action-xhr="https://s.example/x"><input name="a"></form>', '<amp-list src="{{urls.amp}}" items="." max-items="3" binding="no"></amp-list>',
    "<p>src=http://x</p>", '<a href="https://s.example/{{ profile.id }}">x</a>', '<amp-anim src="https://s.example/x.gif"></amp-anim>',
])
def test_what_the_validator_takes_passes(source):
    assert lint(source) == []


@pytest.mark.parametrize("source", [
    '<amp-list src="http://s.example/"></amp-list>', '<amp-list src="/x"></amp-list>', "<amp-list></amp-list>", '<amp-list src="{{ url }}"></amp-list>',
    '<amp-list src="https://s.example/?__amp_source_origin=x"></amp-list>', '<amp-list src="{{ urls.amp }}" reset-on-refresh></amp-list>',
    '<amp-list src="{{ urls.amp }}" credentials="include"></amp-list>', '<amp-list src="{{ urls.amp }}" [src]="x"></amp-list>', '<amp-list src="{{ urls.amp }}?x={{ a }}"></amp-list>',
    '<amp-list src="amp-state:x"></amp-list>', '<img src="https://s.example/x.png">', '<link rel="stylesheet">', "<iframe></iframe>", "<amp-date-countdown></amp-date-countdown>",
    '<form action="https://s.example/"></form>', '<form action-xhr="http://s.example/"></form>', '<amp-state src="https://s.example/"></amp-state>', '<p style="color:red !important">x</p>',
    GOOD.replace("{}", '<a href="https://x/{{id}}">x</a>'), GOOD.replace("{}", '<a href="{{a}}{{b}}">x</a>'), GOOD.replace("{}", '<a href="{{{u}}}">x</a>'),
    GOOD.replace("{}", '<amp-list src="https://s.example/"></amp-list>'), GOOD.replace("{}", "{{=<% %>=}}"), GOOD.replace("{}", "{% if a %}x{% endif %}"), GOOD.replace("{}", "{{> x}}"),
])
def test_what_the_validator_refuses_is_a_problem_with_its_line(source):
    assert [line for line, _ in lint("\n\n" + source)][:1] == [3]


def test_the_names_that_mustache_uses_as_addresses_are_found():
    assert mustache_urls(GOOD.replace("{}", "<a href='{{ item.link }}' title=\"{{name}}\"><amp-img src=\"{{pic}}\">")) == {"link", "pic"}


def test_only_the_text_of_mustache_templates_is_kept_from_jinja():
    assert verbatim("{{ a }}" + GOOD.replace("{}", "{{b}}")).count("{% raw %}{{b}}{%+ endraw %}") == 1


@pytest.mark.parametrize("body,scripts", [
    ("<p>x</p>", []), (GOOD, ["amp-list-0.1", "amp-mustache-0.2"]), ('<form action-xhr="https://s.example/"></form>', ["amp-form-0.1"]),
    ("<amp-state id='a'></amp-state><p [text]='a'>", ["amp-bind-0.1"]), ("<amp-carousel></amp-carousel><amp-timeago></amp-timeago>", ["amp-carousel-0.1", "amp-timeago-0.1"]),
])
def test_a_document_loads_the_scripts_of_what_it_uses_and_no_others(body, scripts):
    page = amp_document("A & B", [body], "p{color:red}")
    names = [f"https://cdn.ampproject.org/v0/{name}.js" for name in scripts]

    assert [part.split('"')[0] for part in page.split('src="')[2 : 2 + len(names)]] == names
    assert page.count("<script async") == 1 + len(names)
    assert "<title>A &amp; B</title>" in page and "<style amp-custom>p{color:red}</style>" in page


def test_css_cannot_end_its_element():
    assert "</style><script>" not in amp_document("x", ["x"], "</style><script>")
