"""The docs name what exists, and nothing else."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from app.cli import COMMANDS
from app.domain.event import Reason
from app.settings import Settings
from app.telemetry import METRICS
from app.web.reference import Sample, operations
from bench.figures import read
from bench.readme import FILE, table, with_table
from bench.registry import figures

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "deploy" / "README.md", *sorted(DOCS.glob("*.md"))]


def parser_of(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    import_module(COMMANDS[command][0]).add(parser)
    return parser


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Long options of a command and of its actions."""
    for action in parser._actions:  # noqa: SLF001 (argparse tells them nowhere else)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for inner in action.choices.values():
                yield from options(inner)
        yield from (name for name in action.option_strings if name.startswith("--") and name != "--help")


def sections(page: str, level: str) -> dict[str, str]:
    """Heading -> text up to the next heading of that level."""
    parts = re.split(rf"^{level} (.*)$", (DOCS / page).read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_metrics_page_names_every_metric_with_its_labels_and_no_other():
    rows = re.findall(r"^\| `(inlay_\w+)` \| (\w+) \| ([^|]*)\|", (DOCS / "metrics.md").read_text(), re.MULTILINE)

    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}

    assert told == {name: ("gauge" if metric.kind == "info" else metric.kind, metric.labels) for name, metric in METRICS.items()}


def test_the_settings_page_names_every_setting_with_its_default_and_no_other():
    rows = re.findall(r"^\| `(INLAY_\w+)` \| ([^|]*)\| ([^|]*)\|", (DOCS / "settings.md").read_text(), re.MULTILINE)

    told = {name: default.strip().strip("`") for name, _, default in rows}

    assert told == {f"INLAY_{name.upper()}": shown(field.default) for name, field in Settings.model_fields.items()}


def shown(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else "" if default in ("", ()) else str(default)


def test_the_settings_page_names_every_flag_of_serve():
    rows = re.findall(r"^\| `INLAY_(\w+)` \| `(--[a-z-]+)`", (DOCS / "settings.md").read_text(), re.MULTILINE)

    assert {flag for _, flag in rows} == set(options(parser_of("serve")))
    assert all(flag == "--" + name.lower().replace("_", "-") for name, flag in rows)


def test_the_http_page_has_a_section_for_every_route_and_no_other():
    told = re.findall(r"`(GET|PUT|POST|PATCH|DELETE) (/[^`]*)`", "\n".join(sections("http.md", "###")))

    assert sorted(told) == sorted((operation.method, operation.path) for operation in operations(Sample()))


def test_both_pages_name_every_reason_why_an_event_is_rejected():
    section = sections("http.md", "##")["Events"]
    row = re.findall(r"^\| `inlay_events_total` .*", (DOCS / "metrics.md").read_text(), re.MULTILINE)[0]

    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(get_args(Reason))
    assert set(re.findall(r"`(\w+)`", row)) - {"inlay_events_total", "outcome", "accepted", "duplicate"} == set(get_args(Reason))


def test_the_cli_page_has_a_section_for_every_command_and_no_other():
    assert list(sections("cli.md", "##")) == [f"inlay {name}" for name in COMMANDS]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_cli_page_names_every_option_of_a_command_and_no_other(command):
    section = sections("cli.md", "##")[f"inlay {command}"]
    told = {name for row in re.findall(r"^\| (`--.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(--[a-z-]+)`", row)}

    assert told == set(options(parser_of(command)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_s_figures_are_those_that_were_measured():
    text = FILE.read_text()

    assert with_table(text, table(figures(), read())) == text


def test_the_readme_s_call_for_an_esp_is_one_that_the_server_takes():
    path, query = re.findall(r"connected_content https://inlay\.example(/[^?]*)\?(\S+)", FILE.read_text())[0]
    content = next(operation for operation in operations(Sample(mails=("newsletter",))) if operation.tag == "Content")

    assert path == content.path.replace("{placement}", "hero").replace("{surface}", "html")
    assert {part.partition("=")[0] for part in query.split("&")} <= {parameter.name for parameter in content.parameters}
