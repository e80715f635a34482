"""The API's reference at `/docs` in a real browser: it comes from this server alone, and its examples can be sent."""

from __future__ import annotations

import pytest

from app.web.reference import Sample, operations

pytestmark = pytest.mark.long

COUNT = len(operations(Sample()))


def opened(seen, address: str = "/docs"):
    seen.page.goto(seen.base + address)
    seen.page.wait_for_selector(".opblock")
    return seen.page


def test_every_operation_is_shown_without_a_complaint_and_from_this_server_alone(wide):
    page = opened(wide)

    assert page.locator(".opblock").count() == COUNT
    assert (wide.complaints, wide.foreign) == ([], [])


@pytest.mark.parametrize("operation", ["Content/get_v1_placements_placement_surface", "Decisions/post_v1_decisions", "Decisions/post_v1_decisions_batch", "Events/post_v1_events", "Operations/get_metrics"])
def test_an_example_is_sent_as_it_stands_and_answered(wide, operation):
    page = opened(wide, f"/docs#/{operation}")
    page.locator(".opblock.is-open .execute").click()

    status = page.locator(".opblock.is-open .live-responses-table tbody .response-col_status").first

    assert status.inner_text().split()[0] == "200"
    assert page.locator(".opblock.is-open .live-responses-table .highlight-code").first.inner_text()


def test_it_fits_a_phone(narrow):
    page = opened(narrow)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
