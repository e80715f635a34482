"""Models as ONNX graphs, with all that becomes of the inputs inside, as the server reads them: one tensor `numbers`, one of
strings per text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.learning.libraries import library
from app.learning.preparing import LARGEST, Ordered, Preparation, Scaled, order

OPSETS = {"": 17, "ai.onnx.ml": 3}
IR = 8
NUMBERS = "numbers"


@dataclass
class Graph:
    """Nodes as they are added; `names` counts what lies between them."""

    nodes: list[Any] = field(default_factory=list[Any])
    constants: list[Any] = field(default_factory=list[Any])
    inputs: list[Any] = field(default_factory=list[Any])
    names: int = 0

    def add(self, op: str, *inputs: str, out: str = "", domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        """The name of the node's last output."""
        names = [self._fresh() for _ in range(outputs - 1)] + [out or self._fresh()]
        self.nodes.append(library("onnx").helper.make_node(op, list(inputs), names, domain=domain, **attributes))
        return names[-1]

    def constant(self, value: Any, kind: Any = np.float32) -> str:
        name = self._fresh()
        self.constants.append(library("onnx").numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def input(self, name: str, width: int, *, text: bool = False) -> str:
        onnx = library("onnx")
        kind = onnx.TensorProto.STRING if text else onnx.TensorProto.FLOAT
        self.inputs.append(onnx.helper.make_tensor_value_info(name, kind, [None, width]))
        return name

    def bytes(self, output: str, width: int | None, *, integers: bool = False) -> bytes:
        """The file whose one output this is: a row of `width` numbers, or a number, for each row."""
        onnx = library("onnx")
        kind = onnx.TensorProto.INT64 if integers else onnx.TensorProto.FLOAT
        shape = [None] if width is None else [None, width]
        graph = onnx.helper.make_graph(self.nodes, "inlay", self.inputs, [onnx.helper.make_tensor_value_info(output, kind, shape)], self.constants)
        model = onnx.helper.make_model(graph, producer_name="inlay", ir_version=IR, opset_imports=[onnx.helper.make_opsetid(*each) for each in OPSETS.items()])
        onnx.checker.check_model(model)
        return model.SerializeToString()

    def _fresh(self) -> str:
        self.names += 1
        return f"n{self.names}"


def read(graph: Graph, preparation: Preparation) -> str:
    """The matrix of a preparation, made of the graph's inputs."""
    columns = preparation.columns
    numbers = [i for i in order(columns) if not columns[i].text]
    parts: list[str] = []
    if numbers:
        raw = graph.input(NUMBERS, len(numbers))
        parts.append(_scaled(graph, raw, preparation) if isinstance(preparation, Scaled) else raw)
    for i in order(columns):
        if columns[i].text:
            text = graph.input(str(columns[i].name), 1, text=True)
            parts.append(_hot(graph, text, preparation.texts[i]) if isinstance(preparation, Scaled) else _placed(graph, text, preparation, i))
    return graph.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]


def _scaled(graph: Graph, raw: str, preparation: Scaled) -> str:
    size = graph.add("Log", graph.add("Add", graph.add("Abs", raw), graph.constant(1.0)))
    centred = graph.add("Sub", graph.add("Mul", graph.add("Sign", raw), size), graph.constant(preparation.means))
    return graph.add("Clip", graph.add("Div", centred, graph.constant(preparation.deviations)), graph.constant(-LARGEST), graph.constant(LARGEST))


def _placed(graph: Graph, text: str, preparation: Ordered, i: int) -> str:
    places = preparation.places[i] or {"": -1.0}
    return graph.add("LabelEncoder", text, domain="ai.onnx.ml", keys_strings=list(places), values_floats=list(places.values()), default_float=-1.0)


def _hot(graph: Graph, text: str, texts: Sequence[str]) -> str:
    known = list(texts) or [""]
    code = graph.add("LabelEncoder", text, domain="ai.onnx.ml", keys_strings=known, values_int64s=list(range(len(texts))) or [0], default_int64=len(texts))
    hot = graph.add("OneHot", code, graph.constant(len(texts) + 1, np.int64), graph.constant([0.0, 1.0]), axis=-1)
    return graph.add("Flatten", hot, axis=1)


def floor32(values: np.ndarray) -> np.ndarray:
    """The largest 32-bit number that is no larger: with it `x <= t` holds of the same 32-bit numbers."""
    found = values.astype(np.float32)
    return np.where(found.astype(np.float64) > values, np.nextafter(found, np.float32(-np.inf)), found)


@dataclass(frozen=True, slots=True)
class Tree:
    """Per node: the column and threshold of its split, where it goes if `x <= threshold` and where otherwise, and its weight,
    where it is a leaf."""

    columns: np.ndarray
    thresholds: np.ndarray
    left: np.ndarray
    right: np.ndarray
    leaf: np.ndarray
    weights: np.ndarray


def trees(graph: Graph, matrix: str, ensemble: Sequence[Tree], base: float, slope: float, shift: float, out: str = "") -> str:
    """The probabilities of two classes, of which the second's is the logistic function of `slope` times the sum of the leaves and
    `base`, plus `shift`. All that is one operator, which the server can take apart."""
    count = [len(tree.leaf) for tree in ensemble]
    joined = {name: np.concatenate([getattr(tree, name) for tree in ensemble]) for name in ("columns", "thresholds", "left", "right", "leaf", "weights")}
    tree_ids = np.repeat(np.arange(len(ensemble)), count)
    node_ids = np.concatenate([np.arange(each) for each in count])
    leaf = joined["leaf"].astype(bool)
    return graph.add(
        "TreeEnsembleClassifier", matrix, domain="ai.onnx.ml", outputs=2, out=out,
        nodes_treeids=tree_ids.tolist(), nodes_nodeids=node_ids.tolist(), nodes_featureids=np.where(leaf, 0, joined["columns"]).tolist(),
        nodes_values=np.where(leaf, 0, floor32(joined["thresholds"])).astype(np.float32).tolist(), nodes_modes=["LEAF" if each else "BRANCH_LEQ" for each in leaf.tolist()],
        nodes_truenodeids=np.where(leaf, 0, joined["left"]).tolist(), nodes_falsenodeids=np.where(leaf, 0, joined["right"]).tolist(),
        nodes_hitrates=[1.0] * len(leaf), nodes_missing_value_tracks_true=[0] * len(leaf),
        class_treeids=tree_ids[leaf].tolist(), class_nodeids=node_ids[leaf].tolist(), class_ids=[0] * int(leaf.sum()),
        class_weights=(slope * joined["weights"][leaf]).astype(np.float32).tolist(), classlabels_int64s=[0, 1],
        base_values=[float(np.float32(slope * base + shift))], post_transform="LOGISTIC",
    )


def layers(graph: Graph, matrix: str, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], slope: float, shift: float, out: str = "") -> str:
    """The logistic function of the last layer's only number; between layers what is below 0 is 0."""
    found = matrix
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        found = graph.add("Gemm", found, graph.constant(weight), graph.constant(bias))
        if i < len(weights) - 1:
            found = graph.add("Relu", found)
    found = graph.add("Add", graph.add("Mul", found, graph.constant(slope)), graph.constant(shift))
    return graph.add("Sigmoid", found, out=out)
