"""What an operator copies names what exists: settings, routes, metrics. The container is what it says it is."""

from __future__ import annotations

import argparse
import configparser
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import crossplane
import pytest
import yaml

from app.cli import consume
from app.settings import KAFKA, Settings
from app.telemetry import METRICS
from app.web.reference import Sample, operations

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
HADOLINT = Path(sys.executable).with_name("hadolint")
SETTINGS = {f"INLAY_{name.upper()}" for name in Settings.model_fields}
ROUTES = {operation.path for operation in operations(Sample())}


def manifests() -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())}


def pod() -> dict[str, Any]:
    return manifests()["Deployment"]["spec"]["template"]["spec"]


def stages() -> list[list[str]]:
    """The instructions of each stage of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    starts = [i for i, line in enumerate(lines) if line.startswith("FROM ")]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


# -- the container -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not HADOLINT.exists() and not os.environ.get("CI"), reason="hadolint has no wheel for this machine")
def test_the_linter_finds_nothing_in_the_dockerfile():
    found = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)

    assert (found.returncode, found.stdout) == (0, "")


def test_the_final_stage_holds_no_build_tools_and_runs_as_a_user_without_rights():
    final = stages()[-1]
    text = "\n".join(final)

    assert not re.search(r"\b(pip|gcc|make|apt-get|apk|git|uv)\b", text)
    assert [line for line in final if line.startswith("USER ")] == ["USER 10001"]
    assert any(line.startswith("HEALTHCHECK ") and "/healthz" in line for line in final)
    assert final[-1] == 'CMD ["inlay", "serve"]'


def test_what_the_image_installs_is_locked_by_hash():
    installed = [line for line in stages()[0] if "pip install" in line]

    assert len(installed) == 1 and "--require-hashes -r requirements.lock" in installed[0]
    assert installed[0].count("pip install") == 2 and "--no-deps --no-build-isolation ." in installed[0]


def test_the_image_s_settings_exist():
    assert set(re.findall(r"INLAY_[A-Z_]+", "\n".join("\n".join(stage) for stage in stages()))) <= SETTINGS


# -- where it runs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in DEPLOY.iterdir()))
def test_every_setting_that_is_named_exists(name):
    named = set(re.findall(r"INLAY_[A-Z_]+", (DEPLOY / name).read_text()))

    assert named <= SETTINGS | {KAFKA}


def consumers() -> dict[str, list[str]]:
    """The command of each consumer that there is to copy."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["consumer"]["command"]
    kubernetes = yaml.safe_load((DEPLOY / "kubernetes-consumer.yaml").read_text())["spec"]["template"]["spec"]["containers"][0]["command"]
    unit = re.findall(r"^ExecStart=/opt/inlay/bin/(.*)$", (DEPLOY / "inlay-consume.service").read_text(), re.MULTILINE)[0].split()
    return {"compose": compose, "kubernetes": kubernetes, "unit": unit}


@pytest.mark.parametrize("name", ["compose", "kubernetes", "unit"])
def test_a_consumer_is_started_with_options_that_exist(name):
    parser = argparse.ArgumentParser()
    consume.add(parser)

    found = parser.parse_args(consumers()[name][2:])

    assert (consumers()[name][:2], found.source, found.metrics_port) == (["inlay", "consume"], "redis", 9100)


def test_compose_runs_both_without_rights_and_redis_keeps_what_it_acknowledges():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]

    assert {name: (each["read_only"], each["cap_drop"]) for name, each in services.items()} == dict.fromkeys(("inlay", "consumer", "redis"), (True, ["ALL"]))
    assert " ".join(services["redis"]["command"]).endswith('--appendonly yes --appendfsync always --save  --maxmemory-policy noeviction')
    assert all(port.startswith("127.0.0.1:") for port in services["inlay"]["ports"])


def test_the_unit_ends_the_server_as_it_wants_to_be_ended():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
    unit.read(DEPLOY / "inlay.service")

    assert unit["Service"]["KillMode"] == "mixed"
    assert unit["Service"]["ExecStart"].split()[-2:] == ["/opt/inlay/bin/inlay", "serve"]
    assert (unit["Service"]["ProtectSystem"], unit["Service"]["NoNewPrivileges"], unit["Service"]["DynamicUser"]) == ("strict", "yes", "yes")


def test_the_probes_ask_routes_that_exist_and_life_does_not_hang_on_redis():
    container = pod()["containers"][0]
    paths = {name: container[name]["httpGet"]["path"] for name in ("livenessProbe", "readinessProbe", "startupProbe")}

    assert set(paths.values()) <= ROUTES
    assert (paths["livenessProbe"], paths["readinessProbe"]) == ("/healthz", "/readyz")


def test_the_pod_has_no_rights_and_writes_only_where_the_image_does():
    container = pod()["containers"][0]
    volumes = re.findall(r'VOLUME \[(.*)\]', (ROOT / "Dockerfile").read_text())[0]

    assert pod()["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == set(re.findall(r'"([^"]+)"', volumes))
    assert manifests()["Service"]["spec"]["selector"] == manifests()["Deployment"]["spec"]["selector"]["matchLabels"]


def test_alerts_ask_metrics_and_labels_that_exist():
    rules = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())["groups"][0]["rules"]
    asked = {name for rule in rules for name in re.findall(r"\binlay_\w+", rule["expr"])}

    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked} <= set(METRICS)
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] in ("page", "ticket") for rule in rules)


def test_the_proxy_s_configuration_is_read_whole_and_answers_for_a_server_that_is_away(tmp_path):
    (tmp_path / "nginx.conf").write_text(f"events {{}}\nhttp {{\n{(DEPLOY / 'nginx.conf').read_text()}\n}}\n")

    read = crossplane.parse(str(tmp_path / "nginx.conf"), strict=True, ignore=("types",))
    http = next(block for block in read["config"][0]["parsed"] if block["directive"] == "http")["block"]
    server = next(block for block in http if block["directive"] == "server")["block"]
    places = {tuple(block["args"]): {each["directive"]: each["args"] for each in block["block"]} for block in server if block["directive"] == "location"}

    assert (read["status"], read["errors"]) == ("ok", [])
    assert places[("/v1/placements/",)]["error_page"] == ["500", "502", "503", "504", "=200", "@fallback"]
    assert not any("request_uri" in part or "args" in part or part == "$request" for block in http if block["directive"] == "log_format" for part in block["args"])
