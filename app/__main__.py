"""`python -m app` is `inlay`."""

import sys

from app.cli import main

sys.exit(main())
