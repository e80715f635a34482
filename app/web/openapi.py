"""The API's reference as an OpenAPI 3.1 document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from app import __version__
from app.web.reference import NDJSON, TAGS, Answer, Operation, Parameter, Sample, operations

_REF = "#/components/schemas/{model}"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_ABOUT = """Decides, at the moment an e-mail is sent or opened, what each recipient sees.

Content surfaces never fail: whatever goes wrong behind them, the answer is 200 with valid content, and `X-Inlay-Degraded` says why.
Everything else answers errors in one shape, `{"error": {"code", "message", "problems"}}`.

Keys are made with `inlay keys create --name N --scope S`. Without any key the server is in development mode: it answers loopback
calls only, and no key is needed. Each operation says which scope its key needs; `admin` has them all."""
_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key"},
    "basic": {"type": "http", "scheme": "basic", "description": "An API key as password, under any user name"},
}


class _Schemas(GenerateJsonSchema):
    """Without titles that say a field's name again, and without `default: null`, which says no more than that it may be left out."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return {key: value for key, value in super().default_schema(schema).items() if key != "default" or value is not None}


def document(sample: Sample) -> dict[str, Any]:
    """The whole document; `sample` is what its examples name."""
    listed = operations(sample)
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    _, schemas = models_json_schema([(model, "validation") for model in _models(listed)], ref_template=_REF, schema_generator=_Schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Inlay", "version": __version__, "description": _ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths, "components": {"schemas": schemas["$defs"], "securitySchemes": _KEYS},
    }


def _models(listed: Iterable[Operation]) -> list[type[BaseModel]]:
    named = (model for each in listed for model in (*each.models, each.form, *(answer.model for answer in each.answers)) if model is not None)
    return list(dict.fromkeys(named))


def _operation(operation: Operation) -> dict[str, Any]:
    needs = f"Needs the scope `{operation.scope}`." if operation.scope else "Needs no key."
    found: dict[str, Any] = {
        "operationId": _id(operation), "summary": operation.summary, "description": f"{operation.about}\n\n{needs}".strip(), "tags": [operation.tag],
        "security": [{name: [operation.scope]} for name in _KEYS] if operation.scope else [],
        "responses": {str(answer.status): _answer(answer) for answer in operation.answers},
    }
    if operation.parameters:
        found["parameters"] = [_parameter(each) for each in operation.parameters]
    if operation.models:
        examples = {name: {"value": value} for name, value in operation.examples.items()}
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _one_of(operation.models), "examples": examples}}}
    if operation.form is not None:
        schema = {"schema": {"$ref": _REF.format(model=operation.form.__name__)}}
        found["requestBody"] = {"required": False, "content": dict.fromkeys(FORMS, schema)}
    return found


def _id(operation: Operation) -> str:
    words = operation.path.replace("{", "").replace("}", "").replace(".", "_").strip("/").replace("/", "_") or "home"
    return f"{operation.method.lower()}_{words}"


def _one_of(models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    refs = [{"$ref": _REF.format(model=model.__name__)} for model in models]
    return refs[0] if len(refs) == 1 else {"oneOf": refs}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} | ({"enum": list(parameter.values)} if parameter.values else {})
    found: dict[str, Any] = {"name": parameter.name, "in": parameter.where, "description": parameter.meaning, "required": parameter.where == "path", "schema": schema}
    if parameter.example is not None:
        found["example"] = parameter.example
    return found


def _answer(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.meaning}
    if answer.headers:
        found["headers"] = {name: {"description": text, "schema": {"type": "string"}} for name, text in answer.headers.items()}
    if answer.status != 204 and answer.media:
        found["content"] = {media: _media(media, answer.model) for media in answer.media}
    return found


def _media(media: str, model: type[BaseModel] | None) -> dict[str, Any]:
    """Only JSON has a schema of its own; a line of NDJSON is told by the model."""
    if model is not None and media in ("application/json", NDJSON):
        return {"schema": {"$ref": _REF.format(model=model.__name__)}}
    return {"schema": {"type": "object"} if media == "application/json" else {"type": "string"}}
