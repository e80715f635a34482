"""`inlay schema`: the JSON Schemas of rules files, block.yaml and model cards, for editors."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from app.content.schema import schemas


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", choices=("rules", "block", "model"), help="one of them, on standard output (all, by name)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write NAME.schema.json into this folder instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    found = schemas()
    chosen = {arguments.name: found[arguments.name]} if arguments.name else found
    if arguments.out is None:
        print(json.dumps(found[arguments.name] if arguments.name else found, indent=2, ensure_ascii=False))
        return 0
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, schema in chosen.items():
        path = arguments.out / f"{name}.schema.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path)
    return 0
