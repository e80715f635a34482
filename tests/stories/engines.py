"""Senders' template engines as tests play them: the open implementation of a sender's language, with the extras that its documents define."""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, TextIO
from urllib.parse import quote_plus

import chevron
import django.conf
import dukpy
from django.template import Context, Engine, Library
from jinja2.sandbox import SandboxedEnvironment
from liquid import Environment, Mode, RenderContext, Tag, TokenStream
from liquid.ast import Node
from liquid.token import TOKEN_TAG, Token

Values = Mapping[str, Any]


class Caller:
    """Fetches what a sender fetches, from the server under test instead of the public address; `decisions` are those that came back."""

    def __init__(self, public: str, server: str, key: str) -> None:
        self._public, self._server, self._key = public, server, key
        self.decisions: list[str | None] = []

    def text(self, address: str, body: Any = None) -> str:
        assert address.startswith(self._public), address
        told = base64.b64encode(f"inlay:{self._key}".encode()).decode()
        headers = {"authorization": f"Basic {told}", "content-type": "application/json"}
        request = urllib.request.Request(self._server + address.removeprefix(self._public), None if body is None else json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.decisions.append(answer.headers["x-inlay-decision"])
            return answer.read().decode()

    def json(self, address: str, body: Any = None) -> Any:
        return json.loads(self.text(address, body))


class _Call(Node):
    """Braze's call: the address is Liquid itself, `:save NAME` names what comes back."""

    def __init__(self, token: Token, said: str, caller: Caller) -> None:
        super().__init__(token)
        self._address, *options = said.strip().split(" :")
        self._options = dict(each.partition(" ")[::2] for each in options)
        self._caller = caller

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        address = context.env.from_string(self._address).render(**dict(context.globals))
        context.assign(self._options["save"], self._caller.text(address))
        return 0


def braze(text: str, values: Values, caller: Caller) -> str:
    """Liquid with `connected_content` and `url_param_escape`; `${name}` is what is called `name` elsewhere."""

    class ConnectedContent(Tag):
        block = False

        def parse(self, stream: TokenStream) -> Node:
            token = stream.eat(TOKEN_TAG)
            return _Call(token, stream.current.value, caller)

    environment = Environment(tolerance=Mode.STRICT)
    environment.add_filter("url_param_escape", lambda value: quote_plus(str(value)))
    environment.tags["connected_content"] = ConnectedContent(environment)
    return environment.from_string(re.sub(r"\$\{(\w+)\}", r"\1", text)).render(**values)


def liquid(text: str, values: Values) -> str:
    """Customer.io, CleverTap, Notifuse."""
    return Environment(tolerance=Mode.STRICT).from_string(text).render(**values)


def handlebars(text: str, values: Values) -> str:
    """Airship, Journey Optimizer, and Iterable in its square brackets: of names alone, in which Handlebars is Mustache."""
    return chevron.render(text.replace("[[", "{{").replace("]]", "}}"), dict(values))


def jinja(text: str, values: Values) -> str:
    """MoEngage."""
    return SandboxedEnvironment().from_string(text).render(**values)


def klaviyo(text: str, values: Values) -> str:
    """Django's templates with the filter `lookup`."""
    if not django.conf.settings.configured:
        django.conf.settings.configure(USE_I18N=False)
    engine, library = Engine(), Library()
    library.filter("lookup", lambda value, name: value[name])
    engine.template_builtins.append(library)
    return engine.from_string(text).render(Context(dict(values)))


def javascript(script: str, values: Values, **functions: Callable[..., Any]) -> Any:
    """Salesforce, Adobe Campaign: what the last expression gives. Values are `dukpy.NAME`, functions are called as `call_python(name, ...)`."""
    interpreter = dukpy.JSInterpreter()
    for name, function in functions.items():
        interpreter.export_function(name, function)
    return interpreter.evaljs(script, **values)
