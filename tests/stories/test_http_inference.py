"""Scores by the Open Inference Protocol, over HTTP: the same ones that decide, and the same refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.adapters.onnx_runtime import OnnxRuntime
from app.adapters.watchdog import Watchdog
from app.content.load import load
from tests.made_models import identity, kills_its_process, slow_for_great_numbers
from tests.stories.server import ROOT, Server

CARD = "inputs: [{name: profile.x, default: 0.25}]\nfallback: 0.1\noutput: {range: [0, 1]}\n"
FILES: dict[str, str | bytes] = {
    "rules/shop.yaml": "version: 1\nplacements: {hero: {fallback: {block: plain}}}\n", "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>",
    "models/sound.onnx": identity(), "models/sound.yaml": CARD + 'version: "3"\n', "models/deadly.onnx": kills_its_process(), "models/deadly.yaml": CARD,
    "models/kinds.onnx": identity(), "models/kinds.yaml": "inputs: [{name: profile.x}]\nfallback: -1\noutput: {labels: [few, many]}\n",
    "models/endless.onnx": slow_for_great_numbers(), "models/endless.yaml": CARD,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("inference")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = Server.of(folder)
    found.call("PATCH", "/v1/profiles/u1", {"traits": {"x": 0.75}})
    yield found
    found.close()


@pytest.fixture(scope="module")
def starter() -> Iterator[Server]:
    found = Server.starter()
    yield found
    found.close()


def asked(*values: Any, name: str = "inputs", datatype: str = "FP32") -> dict[str, Any]:
    return {"inputs": [{"name": name, "datatype": datatype, "shape": [len(values)], "data": list(values)}]}


def given(answer: Any) -> dict[str, Any]:
    return {output["name"]: output["data"] for output in answer.json["outputs"]}


def test_a_row_s_score_is_given_with_the_model_s_version(server):
    answer = server.post("/v2/models/sound/infer", {"id": "q1", **asked(0.5, None, 1)})

    assert answer.status == 200
    assert (answer.json["model_name"], answer.json["model_version"], answer.json["id"]) == ("sound", "3", "q1")
    assert given(answer) == {"score": [0.5, 0.25, 1.0], "fallback": [False] * 3}
    assert answer.json["parameters"]["degraded"] == ""


def test_of_a_person_the_inputs_are_those_that_the_server_knows(server):
    answer = server.post("/v2/models/sound/infer", asked("u1", "nobody", "", name="profile", datatype="BYTES"))

    assert given(answer)["score"] == [0.75, 0.25, 0.25]


def test_a_kind_is_told_by_its_name(server):
    assert given(server.post("/v2/models/kinds/infer", asked(0, 1, 7)))["label"] == ["few", "many", ""]


def test_a_row_whose_score_is_refused_has_the_fallback_and_the_others_their_own(server):
    answer = server.post("/v2/models/sound/infer", asked(0.5, 3, 0.75))

    assert given(answer) == {"score": [0.5, 0.1, 0.75], "fallback": [False, True, False]}
    assert answer.json["parameters"]["degraded"] == "model:sound"


def test_a_model_that_cannot_be_used_gives_its_fallback_and_says_that_it_is_not_ready(server):
    answer, ready = server.post("/v2/models/deadly/infer", asked(0.5)), server.get("/v2/models/deadly/ready")

    assert (given(answer), answer.json["parameters"]["degraded"]) == ({"score": [0.1], "fallback": [True]}, "model:deadly")
    assert ready.status == 503
    assert "killed the process that loaded it" in ready.json["error"]


def test_a_model_that_would_run_for_hours_is_ended_and_its_fallback_given(server):
    answer = server.post("/v2/models/endless/infer", asked(1e12))

    assert (given(answer)["score"], answer.json["parameters"]["degraded"]) == ([0.1], "model:endless")


def test_what_a_model_reads_and_gives_is_told(server):
    assert server.get("/v2/models/sound").json == {
        "name": "sound", "versions": ["3"], "platform": "onnx",
        "inputs": [{"name": "inputs", "datatype": "FP32", "shape": [-1, 1], "parameters": {"columns": "profile.x"}}],
        "outputs": [{"name": "score", "datatype": "FP64", "shape": [-1]}, {"name": "fallback", "datatype": "BOOL", "shape": [-1]}],
    }


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2/models/sound/ready", "/v2/models/sound/versions/3/ready", "/v2/models/sound/versions/3", "/v2"])
def test_what_is_well_is_a_200(server, path):
    assert server.get(path).status == 200


@pytest.mark.parametrize("path,body,status,why", [
    ("/v2/models/nobody/infer", asked(1), 404, "no model 'nobody'; there are deadly, endless, kinds, sound"),
    ("/v2/models/sound/versions/2/infer", asked(1), 404, "no version '2' of sound is served; version 3 is"),
    ("/v2/models/sound/infer", asked("a"), 400, "inputs[0].data[0]: input 'inputs': expected a number (or null for what is absent), given 'a'"),
    ("/v2/models/sound/infer", {}, 400, "inputs: a list of tensors"),
    ("/v2/models/sound/infer", asked(None, name="profile", datatype="BYTES"), 400, "expected the id of a person, given null"),
    ("/v2/models/sound/infer", [], 400, "the body must be a JSON object"),
])  # fmt: skip
def test_errors_have_the_protocol_s_shape_and_say_what_is_wrong(server, path, body, status, why):
    answer = server.post(path, body)

    assert answer.status == status
    assert list(answer.json) == ["error"]
    assert why in answer.json["error"]


def test_binary_tensors_are_refused_by_name(server):
    answer = server.call("POST", "/v2/models/sound/infer", asked(1), **{"Inference-Header-Content-Length": "10"})

    assert (answer.status, answer.json["error"]) == (400, "the binary tensor extension is not taken: send data as JSON")


def test_the_scores_are_those_of_the_model_as_decisions_have_them(starter):
    card = load(ROOT).models["buy_7d"]
    model = OnnxRuntime({"buy_7d": card}, ROOT / "models", Watchdog(), {}).get("buy_7d")
    rows = [[float(value) for value in golden.inputs] for golden in card.golden]
    assert model is not None

    answer = starter.post("/v2/models/buy_7d/infer", {"inputs": [{"name": "inputs", "datatype": "FP32", "shape": [len(rows), 4], "data": rows}]})

    assert given(answer)["score"] == [model.score(row) for row in rows]


def test_a_model_of_items_takes_its_inputs_and_no_people(starter):
    people = starter.post("/v2/models/item_click/infer", asked("mara", name="profile", datatype="BYTES"))

    assert people.status == 400
    assert "ask /v1/recommendations with rank: model.item_click" in people.json["error"]
