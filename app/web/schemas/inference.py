"""The Open Inference Protocol, version 2, as far as it is spoken here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

Datatype = Literal["FP32", "FP64", "INT64", "BOOL", "BYTES"]


class InferenceError(BaseModel):
    """Errors of `/v2` have the protocol's own shape."""

    error: str = Field(description="For people: which input, what was expected, and what was given")


class InferenceServer(BaseModel):
    name: str
    version: str
    extensions: list[str]


class Live(BaseModel):
    live: bool


class ServerReady(BaseModel):
    ready: bool


class ModelReady(BaseModel):
    name: str
    ready: bool
    error: str | None = Field(None, description="Why its fallback score is given just now")


class TensorTold(BaseModel):
    name: str
    datatype: Datatype
    shape: list[int] = Field(description="-1 is the number of rows")
    parameters: dict[str, str] = Field(default_factory=dict, description="`columns`: what each number of a row is, as rules call it")


class ModelMetadata(BaseModel):
    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorTold]
    outputs: list[TensorTold]


class InputTensor(BaseModel):
    name: str = Field(description="As the metadata says, or `profile`: ids of people, whose inputs are looked up")
    datatype: Datatype
    shape: list[int]
    data: list[Any] = Field(description="Row by row, flat or as a list of rows; null is what is absent")


class RequestedOutput(BaseModel):
    name: Literal["score", "fallback", "label"]


class InferenceRequest(BaseModel):
    id: str | None = None
    inputs: list[InputTensor]
    outputs: list[RequestedOutput] | None = None


class OutputTensor(BaseModel):
    name: Literal["score", "fallback", "label"]
    datatype: Datatype
    shape: list[int]
    data: list[Any]


class InferenceAnswer(BaseModel):
    model_name: str
    model_version: str
    id: str | None = None
    parameters: dict[str, str] = Field(description="`degraded` says what could not be used, comma-separated; `content_version` what was served")
    outputs: list[OutputTensor]
