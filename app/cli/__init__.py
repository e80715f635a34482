"""The command `inlay`. Each command is a module that is imported only when it is asked for.

Exit codes: 0 done, 1 problems were found or the server could not start, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from app import __version__
from app.errors import ContentInvalid, InlayError

COMMANDS = {
    "serve": ("app.cli.serve", "start the server"),
    "check": ("app.cli.check", "validate rules, blocks and models, and run their tests"),
    "schema": ("app.cli.schema", "print the JSON Schemas of rules, blocks and model cards"),
    "export": ("app.cli.export", "write out the people in a segment, events, profiles, items and decisions; decide ahead for a list"),
    "bandits": ("app.cli.bandits", "tell what bandits have learnt; freeze, thaw and reset them"),
    "conformance": ("app.cli.conformance", "play a sender against a server, and tell what recipients would have received"),
    "blocks": ("app.cli.blocks", "list and add the blocks that come with Inlay; print what is to be translated"),
    "qa": ("app.cli.qa", "look at what some people get, before the send"),
    "send-test": ("app.cli.send_test", "send a whole mail to somebody, to look at it"),
    "snippet": ("app.cli.snippet", "print what to paste into a sender's template"),
    "keys": ("app.cli.keys", "create, list and revoke API keys"),
    "consume": ("app.cli.consume", "take events from a stream, until told to stop"),
    "codes": ("app.cli.codes", "fill and count pools of coupon codes"),
    "identities": ("app.cli.identities", "merge and part people, find those who are probably one"),
    "audit": ("app.cli.audit", "tell what is wrong with the profiles"),
    "people": ("app.cli.people", "export, erase or restrict what is held of a person"),
    "report": ("app.cli.report", "tell what an experiment showed"),
    "log": ("app.cli.log", "pack the decision log, tell what there is"),
    "replay": ("app.cli.replay", "tell what another version of the content would have decided"),
    "diff": ("app.cli.diff", "tell in words what changed between two versions of the content"),
    "dead-letters": ("app.cli.dead_letters", "list, show, redrive and drop events that were refused"),
    "dataset": ("app.cli.dataset", "make a training set of a history, as the server would have known it"),
    "train": ("app.cli.train", "train a model on the shop's own history"),
    "retrain": ("app.cli.retrain", "train anew what is new, and promote it where it is not worse: for a scheduler"),
    "models": ("app.cli.models", "versions of models: list, evaluate, compare, promote, go back"),
    "import": ("app.cli.import_", "import events, profiles or items from a file"),
}


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="inlay", description="Decides what each recipient of an e-mail sees.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    wanted = next((word for word in argv if not word.startswith("-")), None)
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == wanted:
            importlib.import_module(module).add(command)
    arguments = parser.parse_args(argv)
    try:
        return arguments.run(arguments)
    except ContentInvalid as error:
        for problem in error.found:
            print(problem, file=sys.stderr)
        print(f"inlay: {error.message}", file=sys.stderr)
        return 1
    except InlayError as error:
        print(f"inlay: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
