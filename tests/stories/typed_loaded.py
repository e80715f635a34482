"""Loaded by the process from which commands are forked: what starts no thread."""

import app.cli.bandits
import app.cli.check
import app.cli.export
import app.cli.import_
import app.cli.models
import app.cli.people
import app.cli.train  # noqa: F401
