"""The starter's blocks before AMP's own validator and before what mail clients support: fetched by npm when these tests run.

Where npm or its registry is missing, the tests say so and are skipped; under `CI` they fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from bench.inboxes import amp_documents_valid, cors_cases_failed, unsupported_css_features

pytestmark = pytest.mark.long


def measured(figure: Callable[[], Any]) -> Any:
    if shutil.which("npm") is None or shutil.which("node") is None:
        unavailable("there is no npm here (apt-get install npm)")
    try:
        return figure()
    except subprocess.CalledProcessError as error:
        unavailable(f"npm could not fetch it: {error}")


def unavailable(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"the validators cannot run: {why}")
    pytest.skip(f"the validators cannot run: {why}")


def test_every_amp_document_passes_amps_own_validator_bare_and_with_its_list():
    assert measured(amp_documents_valid) == 1.0


def test_no_block_needs_what_gmail_apple_mail_outlook_or_yahoo_lack():
    assert measured(unsupported_css_features) == 0


def test_every_case_of_amps_cors_rules_is_answered_to_the_letter():
    assert cors_cases_failed() == 0
