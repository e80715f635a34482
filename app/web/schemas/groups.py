"""Segments, and what reports tell of many."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class SegmentSize(BaseModel):
    id: str
    description: str
    size: int = Field(description="People in it")


class Filling(BaseModel):
    done: bool = Field(description="Whether everybody was looked at since the segments last changed")
    looked: int
    of: int = Field(description="About so many keys are to be looked at")


class SegmentList(BaseModel):
    segments: list[SegmentSize]
    filling: Filling


class SegmentPage(BaseModel):
    segment: str
    profiles: list[str]
    next: str | None = Field(description="The `after` of the next page")


class ReportVariant(BaseModel):
    variant: str
    share: float = Field(description="As designed")
    visitors: int


class ReportAnswer(BaseModel):
    """docs/experiments.md explains each part."""

    experiment: str
    verdict: Literal["better", "worse", "better_if_planned", "worse_if_planned", "no_difference_shown", "unreadable"]
    finding: str = Field(description="The first metric in a sentence")
    notes: list[str]
    control: str
    from_: str | None = Field(alias="from", description="The first day of exposures")
    to: str | None
    variants: list[ReportVariant]
    checks: dict[str, Any] = Field(description="`sample_ratio` and `multiple_exposure`: `ok`, a number and a message")
    metrics: list[dict[str, Any]] = Field(
        description="Per metric the variants' values with intervals, and each comparison with the control: `frequentist`, `bayesian`, `always_valid`"
    )
    days: list[dict[str, Any]] = Field(description="The lift by the first metric, day by day, with its always-valid interval")
