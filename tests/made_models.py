"""Small ONNX models and their cards, made for tests: sound ones, odd ones, and ones that do harm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from app.domain.conditions import Ref
from app.domain.definitions import Input, ModelCard

F, I64, BOOL, TEXT, DOUBLE = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING, TensorProto.DOUBLE
OPSETS = {"": 17, "ai.onnx.ml": 3}


def card(*columns: Input | str, **fields: Any) -> ModelCard:
    """A card whose columns are profile traits; a bare name is a number without a tensor of its own."""
    inputs = tuple(Input(Ref(("profile", each)), 0.0) if isinstance(each, str) else each for each in columns)
    return ModelCard(**{"id": "made", "file": "made.onnx", "inputs": inputs, "fallback": 0.5} | fields)


def column(trait: str, kind: str, default: float | str, tensor: str = "") -> Input:
    return Input(Ref(("profile", trait)), default, kind, tensor or trait)  # pyright: ignore[reportArgumentType]


def tensor(name: str, *values: float | str, kind: int = F) -> TensorProto:
    return helper.make_tensor(name, kind, [len(values)], [v.encode() if isinstance(v, str) else v for v in values])


def value(name: str, kind: int = F, shape: Sequence[int | None] | None = (None, 1)) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    """`inputs` and `outputs` are names parted by blanks; `-` is an input left out."""
    given = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, given, outputs.split(), **attributes)


def proto(nodes: Sequence[NodeProto], inputs: Sequence[Any], outputs: Sequence[Any], constants: Sequence[TensorProto] = (), functions: Sequence[FunctionProto] = (), **domains: int) -> ModelProto:
    graph = helper.make_graph(list(nodes), "made", list(inputs), list(outputs), list(constants))
    opsets = [helper.make_opsetid(name.replace("_", "."), version) for name, version in {**OPSETS, **domains}.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))


def made(*args: Any, **named: Any) -> bytes:
    return proto(*args, **named).SerializeToString()


def linear(*weights: float) -> bytes:
    """`x` [rows, n] times the weights."""
    weight = numpy_helper.from_array(np.array(weights, np.float32).reshape(-1, 1), "w")
    return made([node("MatMul", "x w", "y")], [value("x", shape=(None, len(weights)))], [value("y")], [weight])


def identity(kind: int = F, shape: Sequence[int | None] = (None, 1), output: Sequence[int | None] | None = None) -> bytes:
    return made([node("Identity", "x", "y")], [value("x", kind, shape)], [value("y", kind, output or shape)])


def unary(op: str) -> bytes:
    return made([node(op, "x", "y")], [value("x")], [value("y")])


def less_the_greatest() -> bytes:
    """A row's score is `x` less the greatest `x` of its batch: the scores tell which rows were scored together."""
    return made([node("ReduceMax", "x", "m", keepdims=1), node("Sub", "x m", "y")], [value("x")], [value("y")])


def two_classes() -> list[NodeProto]:
    """`p` is [1 - x, x]."""
    return [node("Sub", "one x", "q"), node("Concat", "q x", "p", axis=1)]


def labels_and_probabilities() -> bytes:
    nodes = [*two_classes(), node("ArgMax", "p", "label", axis=1, keepdims=0)]
    return made([*nodes, node("Identity", "p", "probabilities")], [value("x")], [value("label", I64, (None,)), value("probabilities", shape=(None, 2))], [tensor("one", 1.0)])


def zip_map(**labels: Any) -> bytes:
    """The same two probabilities as a dict a row: `classlabels_int64s=[...]` or `classlabels_strings=[...]`."""
    kind = I64 if "classlabels_int64s" in labels else TEXT
    output = helper.make_value_info("y", helper.make_sequence_type_proto(helper.make_map_type_proto(kind, helper.make_tensor_type_proto(F, []))))
    zipped = helper.make_node("ZipMap", ["p"], ["y"], domain="ai.onnx.ml", **labels)
    return made([*two_classes(), zipped], [value("x")], [output], [tensor("one", 1.0)])


def four_tensors() -> bytes:
    """country (DE 1, AT 2, others 0) + visits + spend + member, each a tensor of its own type."""
    encoder = helper.make_node("LabelEncoder", ["country"], ["c"], domain="ai.onnx.ml", keys_strings=["DE", "AT"], values_floats=[1.0, 2.0], default_float=0.0)
    nodes = [encoder, node("Cast", "visits", "v", to=F), node("Cast", "spend", "s", to=F), node("Cast", "member", "m", to=F), node("Sum", "c v s m", "y")]
    inputs = [value("country", TEXT), value("visits", I64), value("spend", DOUBLE), value("member", BOOL, (None, 1))]
    return made(nodes, inputs, [value("y")])


FOUR = (column("country", "string", ""), column("visits", "int", 0.0), column("spend", "float", 0.0), column("member", "bool", 0.0))


def kills_its_process() -> bytes:
    """The least integer divided by -1, worked out when the graph is optimised: the processor refuses, the process dies."""
    nodes = [node("Div", "least minus", "d"), node("Cast", "d", "e", to=F), node("Add", "x e", "y")]
    return made(nodes, [value("x")], [value("y")], [tensor("least", -(2**63), kind=I64), tensor("minus", -1, kind=I64)])


def kills_its_process_at(number: int) -> bytes:
    """Sound, until `x` is that number."""
    nodes = [node("Cast", "x", "i", to=I64), node("Sub", "i least_but", "j"), node("Div", "least j", "d"), node("Cast", "d", "e", to=F), node("Mul", "e zero", "y")]
    return made(nodes, [value("x")], [value("y")], [tensor("least", -(2**63), kind=I64), tensor("least_but", number + 1, kind=I64), tensor("zero", 0.0)])


def never_loads() -> bytes:
    """A hundred products of matrices of 4096 x 4096, all constant: worked out when the graph is optimised."""
    shape = node("Constant", "", "s", value=tensor("s", 4096, 4096, kind=I64))
    chain = [node("MatMul", f"m{i} m0", f"m{i + 1}") for i in range(100)]
    end = [node("ReduceSum", "m100", "q", keepdims=0), node("Add", "x q", "y")]
    return made([shape, node("ConstantOfShape", "s", "m0"), *chain, *end], [value("x")], [value("y")])


def wants_memory() -> bytes:
    """64 GiB at every run."""
    shape = node("Constant", "", "s", value=tensor("s", 1 << 34, kind=I64))
    return made([shape, node("ConstantOfShape", "s", "z"), node("ReduceSum", "z", "q", keepdims=0), node("Add", "x q", "y")], [value("x")], [value("y")])


def always_slow(products: int) -> bytes:
    """A chain of products of matrices of 1024 x 1024 at every run: some 20 ms each."""
    start = [node("ReduceSum", "x", "r", keepdims=0), node("Expand", "r side", "m0")]
    chain = [node("MatMul", f"m{i} m0", f"m{i + 1}") for i in range(products)]
    end = [node("ReduceMax", f"m{products}", "q", keepdims=0), node("Mul", "q zero", "z"), node("Add", "x z", "y")]
    return made([*start, *chain, *end], [value("x")], [value("y")], [tensor("side", 1024, 1024, kind=I64), tensor("zero", 0.0)])


def slow_for_great_numbers() -> bytes:
    """A loop of as many turns as the greatest `x`, after which the score is 0.25: quick at 1, hours at 1e12."""
    body = helper.make_graph(
        [node("Identity", "go", "goes_on"), node("Add", "v v", "t"), node("Sub", "t v", "w")], "turn",
        [value("turn", I64, ()), value("go", BOOL, ()), value("v", shape=None)], [value("goes_on", BOOL, ()), value("w", shape=None)],
    )
    nodes = [node("Cast", "x", "i", to=I64), node("ReduceMax", "i", "n", keepdims=0), node("Loop", "n - x", "z", body=body), node("Mul", "z zero", "o"), node("Add", "o quarter", "y")]
    return made(nodes, [value("x")], [value("y")], [tensor("zero", 0.0), tensor("quarter", 0.25)])


def external(name: str = "w", kind: int = F) -> TensorProto:
    """A tensor of one number that lies in another file."""
    found = TensorProto(name=name, data_type=kind, dims=[1], data_location=TensorProto.EXTERNAL)
    found.external_data.add(key="location", value="../../etc/passwd")
    return found


def with_external(where: str) -> bytes:
    """A model with a tensor in another file, hidden at that place."""
    plain = tensor("w", 1.0)
    held = node("Constant", "", "w", value=external())
    inner: GraphProto = helper.make_graph([node("Add", "x w", "t")], "inner", [], [value("t", shape=None)], [external()])
    other: GraphProto = helper.make_graph([held, node("Add", "x w", "t")], "other", [], [value("t", shape=None)])
    function = helper.make_function("made", "Plus", ["a"], ["b"], [node("Constant", "", "w", value=external()), node("Add", "a w", "b")], [helper.make_opsetid("", 17)])
    branch = node("If", "c", "y", then_branch=inner, else_branch=other)
    always = tensor("c", 1, kind=BOOL)
    models = {
        "initializer": proto([node("Add", "x w", "y")], [value("x")], [value("y")], [external()]),
        "constant": proto([held, node("Add", "x w", "y")], [value("x")], [value("y")]),
        "subgraph": proto([branch], [value("x")], [value("y")], [always]),
        "function": proto([helper.make_node("Plus", ["x"], ["y"], domain="made")], [value("x")], [value("y")], functions=[function], made=1),
        "attribute": proto([node("Add", "x w", "y", unknown=[plain, external()])], [value("x")], [value("y")], [plain]),
        "sparse values": proto([node("Add", "x s", "y")], [value("x")], [value("y")]),
        "sparse indices": proto([node("Add", "x s", "y")], [value("x")], [value("y")]),
        "sparse attribute": proto([node("Constant", "", "s", sparse_value=helper.make_sparse_tensor(external("s"), tensor("i", 0, kind=I64), [1]))], [value("x")], [value("y")]),
        "training": proto([node("Add", "x w", "y")], [value("x")], [value("y")], [plain]),
    }
    models["sparse values"].graph.sparse_initializer.append(helper.make_sparse_tensor(external("s"), tensor("i", 0, kind=I64), [1]))
    models["sparse indices"].graph.sparse_initializer.append(helper.make_sparse_tensor(tensor("s", 1.0), external("i", I64), [1]))
    models["training"].training_info.add(algorithm=other)
    return models[where].SerializeToString()


EXTERNALS = ("initializer", "constant", "subgraph", "function", "attribute", "sparse values", "sparse indices", "sparse attribute", "training")
