"""The API's reference tells what the server does: every route, every example, every answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
from fastapi.routing import APIRoute
from openapi_spec_validator import validate

from app.main import Application
from app.settings import Settings
from app.web.openapi import document
from app.web.reference import NDJSON, Operation, Sample, operations
from app.web.reference_mails import mails
from tests.stories.server import Answer, Server

OPERATIONS = operations(Sample())
HOT = {("GET", "/v1/placements/{placement}.{surface}"), ("GET", "/amp/{token}"), ("GET", "/")} | {(each.method, each.path) for each in mails(Sample())}
"""Served before FastAPI sees them, or by the studio."""
UNTRIED = ("/v1/webhooks/{source}", "/c/{token}", "/amp/{token}/submit")
"""Only an ESP can call the one, with its signature; the others lead to another host, and take what a form of the rules asks."""
EXAMPLES = [(operation, name) for operation in OPERATIONS if operation.path not in UNTRIED for name in (operation.examples or ("",))]
CLOSED = [(operation, model) for operation in OPERATIONS for model in operation.models if model.model_config.get("extra") == "forbid"]


def named(case: Any) -> str:
    return f"{case.method} {case.path}" if isinstance(case, Operation) else str(getattr(case, "__name__", case))


@pytest.fixture(scope="module")
def server():
    running = Server.starter(INLAY_AMP_SENDERS="@nordlys.example")
    running.post("/v1/decisions", {"profile": "mara", "send": "2026-11-news", "mail": "newsletter"})
    yield running
    running.close()


@pytest.fixture(scope="module")
def told(server) -> dict[str, Any]:
    return server.get("/openapi.json").json


def test_the_document_is_openapi():
    validate(document(Sample(mails=("news",), context=("stock",))))


def test_every_route_is_told_and_nothing_else(tmp_path: Path):
    routes = Application(Settings(data=tmp_path, redis_url="unix:///nowhere")).api.routes
    served = {(method, re.sub(r":path}", "}", route.path)) for route in routes if isinstance(route, APIRoute) for method in route.methods or ()}

    assert served - {("GET", "/docs/{file}")} | HOT == {(operation.method, operation.path) for operation in OPERATIONS}


@pytest.mark.parametrize("operation,name", EXAMPLES, ids=named)
def test_an_example_works_when_it_is_tried_and_its_answer_is_as_told(server, told, operation, name):
    spec = told["paths"][operation.path][operation.method.lower()]

    answer = sent(server, operation, spec, spec["requestBody"]["content"]["application/json"]["examples"][name]["value"] if name else None)

    assert answer.status == operation.answers[0].status
    for value in documents(answer):
        jsonschema.validate(value, strict(told, operation), format_checker=jsonschema.FormatChecker())


def sent(server: Server, operation: Operation, spec: dict[str, Any], body: Any) -> Answer:
    given = [parameter for parameter in spec.get("parameters", ()) if "example" in parameter]
    path = operation.path
    for parameter in given:
        path = path.replace("{" + parameter["name"] + "}", str(parameter["example"]))
    query = urlencode({parameter["name"]: parameter["example"] for parameter in given if parameter["in"] == "query"})
    headers = {parameter["name"]: parameter["example"] for parameter in given if parameter["in"] == "header"}
    return server.call(operation.method, f"{path}?{query}", body, patience=60, **headers)


def documents(answer: Answer) -> list[Any]:
    """The JSON values of an answer, where it is JSON."""
    kind = answer.headers.get("content-type", "")
    return [json.loads(line) for line in answer.text.splitlines()] if kind == NDJSON else [answer.json] if kind == "application/json" else []


def strict(told: dict[str, Any], operation: Operation) -> dict[str, Any]:
    """The schema of an operation's good answer, in which an object may have no key that is not told."""
    model = operation.answers[0].model
    components = json.loads(json.dumps(told["components"]))
    for schema in components["schemas"].values():
        schema.setdefault("additionalProperties", False)
    return {"$ref": f"#/components/schemas/{model.__name__}" if model else "#/components/any", "components": {**components, "any": {}}}


MAILS = {("POST", "/amp/{token}/submit"), ("GET", "/c/{token}"), ("GET", "/o/{token}.gif"), ("GET", "/i/{token}.{extension}"), ("GET", "/u/{token}"), ("POST", "/u/{token}"), ("GET", "/p/{token}"), ("POST", "/p/{token}")}


@pytest.mark.parametrize("method,path", sorted(MAILS))
def test_what_mails_call_is_told_with_its_kinds_of_content(server, told, method, path):
    spec = told["paths"][path][method.lower()]
    status, content = next((int(status), set(answer.get("content", ()))) for status, answer in spec["responses"].items())

    answer = server.call(method, path.replace("{token}", spec["parameters"][0]["example"]).replace("{extension}", "gif"), b"purpose=marketing&form=survey&answer=5" if method == "POST" else None,
                         Content_Type="application/x-www-form-urlencoded", AMP_Email_Sender="news@nordlys.example") if status != 302 else None

    assert spec["security"] == []
    assert answer is None or (answer.status, answer.headers["content-type"].partition(";")[0] in content, "set-cookie" in answer.headers) == (status, True, False)
    assert method == "GET" or set(spec["requestBody"]["content"]) == {"application/x-www-form-urlencoded", "multipart/form-data"}


@pytest.mark.parametrize("operation,model", CLOSED, ids=named)
def test_every_key_that_is_told_is_known_and_any_other_is_refused_by_name(server, told, operation, model):
    spec = told["paths"][operation.path][operation.method.lower()]
    keys = told["components"]["schemas"][model.__name__]["properties"]

    answer = sent(server, operation, spec, {**dict.fromkeys(keys), **next(iter(operation.examples.values())), "nonsense": 1})

    unknown = {problem["at"] for problem in answer.json["error"]["problems"] if "unknown" in problem["message"]}
    assert (answer.status, unknown) == (422, {"nonsense"})


@pytest.mark.parametrize("path,kind", [("/docs", "text/html"), ("/docs/docs.js", "text/javascript"), ("/docs/docs.css", "text/css"), ("/docs/swagger-ui-bundle.js", "text/javascript"), ("/docs/swagger-ui.css", "text/css")])
def test_the_page_and_its_files_come_from_this_server(server, path, kind):
    answer = server.get(path)

    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, kind)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", answer.text) or path.endswith("bundle.js")


def test_any_other_file_is_not_found(server):
    assert [server.get(f"/docs/{name}").status for name in ("docs.html", "..%2fapidocs.py", "nope.js")] == [404] * 3


def test_with_keys_the_reference_asks_a_browser_for_one():
    guarded = Server.of(INLAY_ADMIN_KEY="k" * 43)
    try:
        refused = [guarded.get(path) for path in ("/docs", "/openapi.json")]
        shown = [guarded.get(path, Authorization="Bearer " + "k" * 43).status for path in ("/docs", "/openapi.json")]
    finally:
        guarded.close()

    assert [answer.status for answer in refused] == [401, 401]
    assert ["Basic" in answer.headers["www-authenticate"] for answer in refused] == [True, True]
    assert shown == [200, 200]
