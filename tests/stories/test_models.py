"""Models that go wrong under a running server: what its callers see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.made_models import identity, kills_its_process, less_the_greatest, never_loads, slow_for_great_numbers, unary, with_external
from tests.stories.server import Server

CARD = "inputs: [{name: profile.x}]\nfallback: 0.1\noutput: {range: [0, 1]}\n"
MODELS = {
    "sound": identity(), "undefined": unary("Log"), "deadly": kills_its_process(), "endless": slow_for_great_numbers(), "together": less_the_greatest(),
}
RULES = "\n".join([
    "version: 1", "placements:",
    *[f"  {id}: {{fallback: {{block: plain}}}}" for id in MODELS], "offers:",
    *[f"  by_{id}: {{placements: [{id}], suitability: {{field: model.{id}, gte: 0.2}}, block: plain}}" for id in MODELS if id != "together"],
    "  best: {placements: [together], items: {from: catalogue, rank: model.together, limit: 3}, block: plain}",
])  # fmt: skip
FILES = {
    "rules/shop.yaml": RULES,
    "blocks/plain/block.yaml": "description: a word",
    "blocks/plain/html.j2": "<p>A word</p>",
    **{f"models/{id}.yaml": CARD for id in MODELS},
    "models/together.yaml": "inputs: [{name: item.price}]\nfallback: 0.1\n",
}
ODD = {"undefined", "deadly", "endless"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with sound models and with one that gives no numbers, one that kills, and one that can run for hours."""
    folder = tmp_path_factory.mktemp("models")
    for name, content in {**FILES, **{f"models/{id}.onnx": data for id, data in MODELS.items()}}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = Server.of(folder)
    for person, x in (("usual", 0.5), ("odd", -1.0), ("zero", 0.0), ("great", 1e12)):
        found.call("PATCH", f"/v1/profiles/{person}", {"traits": {"x": x}})
    yield found
    found.close()


@pytest.fixture
def sound_model(server: Server) -> Iterator[Path]:
    """The file of the model `sound`, to be broken: it is mended afterwards."""
    path = server.content / "models" / "sound.onnx"
    yield path
    path.write_bytes(MODELS["sound"])
    server.until(lambda: set(models(server)) <= ODD, 20)


def models(server: Server) -> Any:
    return server.get("/readyz").json["models"]


def decided(server: Server, person: str, placement: str = "sound") -> tuple[Any, Any]:
    answer = server.get(f"/v1/placements/{placement}.json?profile={person}")
    return answer.json["offer"], answer.json["degraded"]


def test_a_sound_model_decides(server):
    assert [decided(server, person) for person in ("usual", "zero")] == [("by_sound", []), (None, [])]


@pytest.mark.parametrize("placement,why", [("undefined", "not finite"), ("deadly", "killed the process that loaded it (signal 8)")])
def test_a_model_that_cannot_be_used_leaves_its_fallback_score_and_the_reason(server, placement, why):
    assert decided(server, "usual", placement) == (None, [f"model:{placement}"])
    assert why in models(server)[placement]
    assert f"model:{placement}" in server.get("/readyz").json["degraded"]


def test_a_score_out_of_range_is_refused_for_that_person_alone(server):
    answers = [server.get(f"/v1/placements/sound.json?profile={person}") for person in ("great", "odd", "usual")]

    assert [answer.json["degraded"] for answer in answers] == [["model:sound"], ["model:sound"], []]
    assert not any(word in answer.text for answer in answers for word in ("NaN", "Infinity"))


def test_a_model_that_would_run_for_hours_is_ended_and_benched_and_the_others_go_on(server):
    slow, benched = decided(server, "great", "endless"), decided(server, "usual", "endless")

    assert (slow, benched) == ((None, ["model:endless"]), (None, ["model:endless"]))
    assert decided(server, "usual") == ("by_sound", [])
    assert "benched" in models(server)["endless"]


def test_all_candidates_of_a_placement_are_scored_in_one_batch(server):
    query = {"profile": "usual", "from": "catalogue", "rank": "model.together", "limit": 60}
    for number in range(60):
        server.call("PUT", f"/v1/items/i{number}", {"price": number})
    server.until(lambda: len(server.post("/v1/recommendations", query).json["items"]) == 60, 20)

    scores = {item["id"]: item["score"] for item in server.post("/v1/recommendations", query).json["items"]}

    assert scores == {f"i{number}": float(number - 59) for number in range(60)}
    assert [item["id"] for item in server.get("/v1/placements/together.json").json["items"]] == ["i59", "i58", "i57"]


@pytest.mark.parametrize("broken,why", [(kills_its_process(), "signal 8"), (with_external("subgraph"), "external data"), (identity()[:-9], "damaged")], ids=["deadly", "external", "cut"])
def test_a_broken_model_in_a_live_change_keeps_the_good_one_serving(server, sound_model, broken, why):
    sound_model.write_bytes(broken)
    server.until(lambda: "sound" in models(server), 20)

    assert decided(server, "usual") == ("by_sound", [])
    assert why in models(server)["sound"]
    assert "model:sound" not in server.get("/readyz").json["degraded"]


def test_rules_change_beside_a_broken_model_and_a_restart_still_has_the_good_one(server, sound_model):
    sound_model.write_bytes(kills_its_process())
    rules = server.content / "rules" / "shop.yaml"
    rules.write_text(RULES.replace("by_sound:", "renamed:"))
    server.until(lambda: decided(server, "usual") == ("renamed", []), 20)
    server.stop()
    server.start()

    assert decided(server, "usual") == ("renamed", [])
    assert "the one before it is served" in models(server)["sound"]
    rules.write_text(RULES)
    server.until(lambda: decided(server, "usual") == ("by_sound", []), 20)


@pytest.mark.long
def test_a_model_that_never_loads_keeps_the_good_one_serving(server, sound_model):
    sound_model.write_bytes(never_loads())
    server.until(lambda: "sound" in models(server), 60)

    assert decided(server, "usual") == ("by_sound", [])
    assert "within 20 s" in models(server)["sound"]
