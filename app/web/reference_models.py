"""The reference of `/v2`: scores and nothing else, by the Open Inference Protocol."""

from __future__ import annotations

from typing import Any

from app.web import schemas as s
from app.web.reference_parts import Answer, Operation, Parameter, Sample

_REFUSED = {400: "Not what the metadata says; names the input, what was expected and what was given", 401: "No valid key", 403: "The key lacks the scope", 404: "No such model or version; names those that are served",
            503: "Too many requests are in flight, or there is no content yet"}


def inference(sample: Sample) -> tuple[Operation, ...]:
    model = Parameter("model", "path", "A model of models/", sample.model, sample.models)
    version = Parameter("version", "path", "The version that its card tells", sample.model_version)
    ready = Answer(200, "Its own score is given", s.ModelReady), Answer(503, "Its fallback score is given; `error` says why", s.ModelReady), *_errors(401, 403, 404)
    people: dict[str, Any] = {"inputs": [{"name": "profile", "datatype": "BYTES", "shape": [2], "data": [sample.profile, "nobody"]}]}
    return (
        Operation("GET", "/v2", "Models", "Which server this is", (Answer(200, "Its name and version", s.InferenceServer), *_errors(401, 403)), "decide"),
        Operation("GET", "/v2/health/live", "Models", "The process is alive", (Answer(200, "Alive", s.Live),)),
        Operation("GET", "/v2/health/ready", "Models", "The server has content and is not stopping", (Answer(200, "Ready", s.ServerReady), Answer(503, "Not yet, or not any more", s.ServerReady))),
        *(
            operation
            for base, named in (("/v2/models/{model}", (model,)), ("/v2/models/{model}/versions/{version}", (model, version)))
            for operation in (
                Operation("GET", base, "Models", "What a model reads and gives", (Answer(200, "Names, types and shapes", s.ModelMetadata), *_errors(401, 403, 404)), "decide", parameters=named),
                Operation("GET", f"{base}/ready", "Models", "Whether a model can be used", ready, "decide", parameters=named),
                Operation("POST", f"{base}/infer", "Models", "Scores of up to 1,200 rows", (Answer(200, "A score per row, and whether it is the fallback", s.InferenceAnswer), *_errors(400, 401, 403, 404, 503)), "decide",
                          "Rows are the model's inputs, or ids of people (`profile`), whose inputs the server knows. A score that is refused, or comes too late, is the card's fallback, and `degraded` says so.",
                          named, (s.InferenceRequest,), {"Of people": people}),
            )
        ),
    )


def _errors(*statuses: int) -> tuple[Answer, ...]:
    return tuple(Answer(status, _REFUSED[status], s.InferenceError) for status in statuses)
