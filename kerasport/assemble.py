"""From a canonical model to the graph: nested models inlined, shapes inferred, masks made explicit calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from math import prod
from typing import TYPE_CHECKING

from kerasport.dialect.model import LayerDef, ModelDef, Node, TensorRef
from kerasport.errors import DamagedFileError, LayerError, Problem
from kerasport.graph import Call, Ends, Graph, Layer, reachable
from kerasport.layers import LAYERS, refused
from kerasport.layers.base import Shape, Spec, TensorType, Value
from kerasport.layers.config import Config
from kerasport.layers.core import Identity
from kerasport.layers.ops import CastTo, Op, ReduceAny
from kerasport.layers.wrappers import works_per_step
from kerasport.limits import limits, way_on
from kerasport.order import order
from kerasport.sizes import Sizes
from kerasport.time_axis import Flow, TimeAxis

if TYPE_CHECKING:
    from kerasport.layers.arguments import Step

_QUANTIZED_HINT = "save the model before model.quantize()"
_RAGGED = ("it takes ragged tensors", "build the model with dense inputs and a mask, and load these weights")
_SHAPELESS = "the model was saved without an input shape", "give it: --input-shape {}=?x28x28x1, with ? for the batch"
_PLUGIN_HINT = "replace the layer by supported ones in Keras and save again"

_DTYPES = frozenset(
    ("bool", "string", "complex64", "complex128", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)))
)


@dataclass
class Assembly:
    """A graph in the making, with what stands in its way.

    Attributes:
        graph: The graph; its layers have no weights bound yet. Only complete without problems.
        problems: Why layers cannot be converted, in file order.
        layers: All layers met, by key, in file order of their first call.
        calls: All calls that could be worked out, whether or not the outputs need them.
        ends: For each layer, and each model within the model, what its calls read and give.
    """

    graph: Graph
    problems: list[Problem]
    layers: dict[str, LayerRecord]
    calls: tuple[Call, ...] = ()
    ends: Mapping[str, Sequence[Ends]] = field(default_factory=dict)


@dataclass
class LayerRecord:
    """What is known of one layer.

    Attributes:
        key: Its full name.
        definition: Its canonical definition.
        spec: What it computes, None where unsupported.
        roles: Its weight roles and shapes, once it was called.
        outputs: Its output types at its first call.
        inputs: The layers that feed its first call.
    """

    key: str
    definition: LayerDef
    spec: Spec | None = None
    roles: dict[str, Shape] = field(default_factory=dict)
    outputs: tuple[TensorType, ...] = ()
    inputs: tuple[str, ...] = ()


def assemble(model: ModelDef, allowed: frozenset[str] = frozenset(), sizes: Sizes | None = None) -> Assembly:
    """Builds the graph of a model.

    Args:
        model: Its canonical form.
        allowed: Config keys to accept unread, as ``key`` or ``Class.key``.
        sizes: Sizes of inputs that the model leaves open.

    Raises:
        OptionError: The model has no such open sizes.
    """
    return _Assembler(allowed, sizes or Sizes({})).run(model)


class _Assembler:
    def __init__(self, allowed: frozenset[str], sizes: Sizes) -> None:
        self._allowed, self._sizes = allowed, sizes
        self._calls: list[Call] = []
        self._names: dict[str, int] = {}
        self._known_ops: dict[tuple[Spec, tuple[str, ...]], tuple[Value, ...]] = {}
        # Values that are another one under a new name, and those whose masks are gone.
        self._same: dict[str, str] = {}
        self._maskless: set[str] = set()
        self._time = TimeAxis(self._emit)
        self._records: dict[str, LayerRecord] = {}
        self._problems: dict[str, Problem] = {}
        self._ends: dict[str, list[Ends]] = {}
        self._fixed_batch = False  # Keras holds its batch size against nobody, unless there are states
        self._stateful = False

    def run(self, model: ModelDef) -> Assembly:
        defined = {layer.name: layer for layer in model.layers}
        self._stateful = any(map(_has_states, model.layers))
        inputs = [self._input(defined[ref.layer]) for ref in model.inputs]
        self._sizes.check()
        flows = self._model(model, inputs, "")
        outputs = tuple(flow.value for flow in flows if flow.value is not None)
        graph = Graph(
            name=model.name,
            inputs=tuple(flow.value for flow in inputs if flow.value is not None),
            outputs=outputs,
            output_names=model.output_names,
            calls=reachable(self._calls, outputs),
            layers={
                key: Layer(key, record.definition.class_name, record.roles) for key, record in self._records.items()
            },
        )
        return Assembly(graph, list(self._problems.values()), self._records, tuple(self._calls), self._ends)

    # --- models

    def _input(self, layer: LayerDef) -> Flow:
        shape, ragged = layer.config.get("batch_shape"), layer.config.get("ragged")
        dims = None if shape is None else tuple(None if dim is None else int(dim) for dim in shape)
        if dims and dims[0] is not None:
            self._fixed_batch = True
            dims = dims if self._stateful else (None, *dims[1:])
        dims = self._sizes.shape(layer.name, dims)
        if dims is None or ragged:
            what, hint = _RAGGED if ragged else _SHAPELESS
            self._problem(layer.name, what, hint.format(layer.name))
            return Flow(None)
        return Flow(Value(self._unique(layer.name), TensorType(dims, _dtype(layer.config.get("dtype")))))

    def _model(self, model: ModelDef, args: Sequence[Flow], prefix: str) -> list[Flow]:
        """Calls a model on tensors; gives its outputs."""
        layers = {layer.name: layer for layer in model.layers}
        if len(args) != len(model.inputs):
            raise DamagedFileError(f"The model {model.name!r} has {len(model.inputs)} inputs and is given {len(args)}.")
        done: dict[tuple[str, int], list[Flow]] = {
            (ref.layer, ref.node): [self._as_input(flow, layers[ref.layer])]
            for ref, flow in zip(model.inputs, args, strict=True)
        }
        for name, index in order(model, layers, done):
            node = layers[name].nodes[index]
            flows = [self._with_its_mask(_pick(done, ref)) for ref in node.inputs]
            mask = _pick(done, node.mask) if node.mask else None
            results = done[name, index] = self._apply(layers[name], node, flows, mask, prefix)
            self._ends.setdefault(prefix + name, []).append(Ends(_values(flows), _values(results)))
        return [_pick(done, ref) for ref in model.outputs]

    def _with_its_mask(self, flow: Flow) -> Flow:
        """The tensor without its mask, where a call before took that away."""
        taken = flow.value is not None and self._same.get(flow.value.name, flow.value.name) in self._maskless
        return Flow(flow.value) if taken else flow

    def _as_input(self, flow: Flow, layer: LayerDef) -> Flow:
        """What an inner model's InputLayer makes of its argument: its own dtype."""
        if flow.value is None or layer.class_name != "InputLayer":
            return flow
        wanted = _dtype(layer.config.get("dtype", flow.value.type.dtype))
        if wanted.startswith("float") and not flow.value.type.dtype.startswith("float"):
            return Flow(self._emit(CastTo(dtype=wanted), (flow.value,), flow.value.name), flow.mask)
        return flow

    # --- layers

    def _apply(self, layer: LayerDef, node: Node, flows: list[Flow], mask: Flow | None, prefix: str) -> list[Flow]:
        key = prefix + layer.name
        if mask is not None and flows:
            flows = [Flow(flows[0].value, mask.value), *flows[1:]]
        if layer.model is not None:
            return self._model(layer.model, flows, f"{key}/")
        if layer.operation:
            return self._operation(layer, node, flows, key)
        if layer.class_name == "TimeDistributed":
            return self._time_distributed(layer, node, flows, key)
        spec = self._spec(layer, key)
        if spec is None or any(flow.value is None for flow in flows):
            return [Flow(None)]
        try:
            results = self._call(spec.called_with(node.kwargs), key, flows)
            return [Flow(flow.value) for flow in results] if layer.drops_mask else results
        except LayerError as error:
            self._problem(key, error.what, error.hint)
        except (ValueError, TypeError, IndexError, ZeroDivisionError) as error:
            shapes = ", ".join(str(flow.value.type.shape) for flow in flows if flow.value)
            self._problem(key, f"its config does not fit an input of shape {shapes}: {error}", "")
        return [Flow(None)]

    def _spec(self, layer: LayerDef, key: str) -> Spec | None:
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = LayerRecord(key, layer)
            try:
                record.spec = self._parse(layer)
            except LayerError as error:
                self._problem(key, error.what, error.hint)
        return record.spec

    def _parse(self, layer: LayerDef) -> Spec:
        entry = LAYERS.get(layer.class_name)
        if entry is None and layer.class_name in refused.LAYERS:
            raise refused.LAYERS[layer.class_name].error(f"the layer class {layer.class_name!r}")
        if entry is None:
            nearest = LAYERS.nearest(layer.class_name)
            hint = f"the nearest supported layer is {nearest}" if nearest else _PLUGIN_HINT
            raise LayerError(f"the layer class {layer.class_name!r} is not supported", hint)
        if layer.config.get("stored") and not entry.spec.quantizable:
            raise LayerError(f"its weights are quantised ({layer.config['stored']['mode']})", _QUANTIZED_HINT)
        inner = {name: self._parse(definition) for name, definition in layer.inner.items()}
        config = Config(layer.config, entry.ignored, inner, layer.class_name)
        spec = entry.spec.parse(config)
        for name in config.unread():
            if not {name, f"{layer.class_name}.{name}"} & self._allowed:
                raise LayerError(
                    f"the option {name!r} ({str(layer.config[name])[:40]}) of {layer.class_name} is not known",
                    f"if it does not change predictions, allow it with --allow-key {layer.class_name}.{name}",
                )
        return spec

    def _call(self, spec: Spec, key: str, flows: list[Flow]) -> list[Flow]:
        inputs = [flow.value for flow in flows if flow.value is not None]
        if spec.float_only and any(value.type.dtype == "string" for value in inputs):
            raise LayerError("it takes numbers, and its input holds strings")
        if spec.float_only:
            inputs = [self._as_float(value) for value in inputs]
        masks = tuple(flow.mask for flow in flows)
        record = self._records[key]
        if spec.stateful and record.outputs:
            raise LayerError("it is stateful and called more than once", "use a layer for each call, or stateful=False")
        inferred = spec.infer(*(value.type for value in inputs))
        types = inferred if isinstance(inferred, tuple) else (inferred,)
        if not record.outputs:
            record.roles = spec.weights(*(value.type for value in inputs))
            record.outputs = types
            record.inputs = tuple(value.name for value in inputs)
        outputs = self._add(spec, key, key, inputs, masks, types)
        found = spec.output_mask(masks, inputs, lambda op, values: self._emit(op, values, outputs[0].name))
        given = found if isinstance(found, tuple) else (found,)
        if isinstance(spec, Identity):
            self._same[outputs[0].name] = self._same.get(inputs[0].name, inputs[0].name)
        self._maskless |= {self._same.get(value.name, value.name) for value in spec.takes_masks(inputs)}
        return [Flow(value, mask) for value, mask in zip_longest(outputs, given)]

    def _operation(self, layer: LayerDef, node: Node, flows: list[Flow], key: str) -> list[Flow]:
        """An operation of Keras as ours; they may be there already, as a part of a mask."""
        from kerasport.layers.arguments import Arguments, operation

        record = self._records.setdefault(key, LayerRecord(key, layer))
        inputs = [flow.value for flow in flows if flow.value is not None]
        if len(inputs) < len(flows):
            return [Flow(None)]
        options = {**layer.config, **node.kwargs}
        arguments = Arguments(node.args, options, inputs, lambda spec, values: self._emit_all(spec, values, key))
        try:
            steps = operation(layer.class_name, arguments)
            outputs = [value for step in steps for value in self._step(step, key, record)]
        except LayerError as error:
            self._problem(key, error.what, error.hint)
            return [Flow(None)]
        except (ValueError, TypeError, IndexError, ZeroDivisionError, OverflowError) as error:
            shapes = ", ".join(str(value.type.shape) for value in inputs)
            self._problem(key, f"its arguments do not fit inputs of shape {shapes}: {error}", "")
            return [Flow(None)]
        record.outputs = tuple(value.type for value in outputs)
        record.inputs = tuple(value.name for value in inputs)
        return [Flow(value) for value in outputs]

    def _step(self, step: Step | Value, key: str, record: LayerRecord) -> tuple[Value, ...]:
        if isinstance(step, Value):
            return (step,)
        record.spec = step.spec
        return self._emit_all(step.spec, step.inputs, key, key)

    def _add(
        self,
        spec: Spec,
        name: str,
        key: str,
        inputs: Sequence[Value],
        masks: tuple[Value | None, ...],
        types: tuple[TensorType, ...],
    ) -> tuple[Value, ...]:
        for type_ in types:
            most = limits().values
            if prod(dim or 1 for dim in type_.shape[1:]) > most:
                raise LayerError(f"its output has more than {most:,} numbers for each sample", way_on("values"))
        name = self._unique(name)
        outputs = tuple(Value(name if not i else f"{name}:{i}", type_) for i, type_ in enumerate(types))
        used = masks if spec.uses_mask and any(masks) else ()
        self._calls.append(Call(name, key, spec, tuple(inputs), used, outputs))
        return outputs

    def _emit(self, spec: Spec, inputs: Sequence[Value], near: str, name: str = "") -> Value:
        """Adds an operation that is not a layer of the file; equal ones on equal inputs are one.

        Args:
            spec: The operation.
            inputs: Its tensors.
            near: The layer that it belongs to; it is named after it.
            name: Its own name, where it has one.
        """
        return self._emit_all(spec, inputs, near, name)[0]

    def _emit_all(self, spec: Spec, inputs: Sequence[Value], near: str, name: str = "") -> tuple[Value, ...]:
        """Like ``_emit``, for an operation with several outputs."""
        known = (spec, tuple(value.name for value in inputs))
        if known not in self._known_ops or not isinstance(spec, Op):
            inferred = spec.infer(*(value.type for value in inputs))
            types = inferred if isinstance(inferred, tuple) else (inferred,)
            name = name or f"{near}/{type(spec).__name__}"
            self._known_ops[known] = self._add(spec, name, name, inputs, (), types)
        return self._known_ops[known]

    def _as_float(self, value: Value) -> Value:
        if value.type.dtype.startswith("float"):
            return value
        return self._emit(CastTo(dtype="float32"), (value,), value.name)

    def _time_distributed(self, layer: LayerDef, node: Node, flows: list[Flow], key: str) -> list[Flow]:
        """The inner layer on every step: directly where it works per step anyway, else on (batch * time, ...)."""
        record = self._records.setdefault(key, LayerRecord(key, layer))
        values = [flow.value for flow in flows if flow.value is not None]
        if len(values) < len(flows):
            return [Flow(None)]
        if any(value.type.rank < 3 for value in values):
            self._problem(key, "its input has no time axis and features", "give it (batch, time, ...)")
            return [Flow(None)]
        inner, x, mask = layer.inner["layer"], values[0], flows[0].mask
        if _has_states(inner):
            self._problem(key, "its layer is stateful, which would carry states from step to step", "")
            return [Flow(None)]
        alone = layer.config["mask_rule"] == "free_batch" and self._fixed_batch
        if works_per_step(inner) and not self._time.is_unfolded(x):
            results = self._apply(inner, node, flows, None, f"{key}/")
        else:
            folded = [self._time.folded(flow if not alone else Flow(flow.value), key) for flow in flows]
            results = [self._time.unfolded(flow, x, key) for flow in self._apply(inner, node, folded, None, f"{key}/")]
        if alone or layer.config["mask_rule"] == "input":
            results = [Flow(flow.value, mask) for flow in results]
        elif mask is not None:
            steps = mask if mask.type.rank == 2 else self._emit(ReduceAny(axes=_behind_time(mask)), (mask,), key)
            results = [Flow(flow.value, flow.mask or steps) for flow in results]
        record.outputs = tuple(flow.value.type for flow in results if flow.value)
        record.inputs = tuple(value.name for value in values)
        return results if record.outputs else [Flow(None)]

    def _problem(self, key: str, what: str, hint: str) -> None:
        self._problems.setdefault(key, Problem(key, what, hint))

    def _unique(self, name: str) -> str:
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        return name if not count else self._unique(f"{name}@{count}")


def _has_states(layer: LayerDef) -> bool:
    parts = [*(layer.model.layers if layer.model else ()), *layer.inner.values()]
    return bool(layer.config.get("stateful")) or any(map(_has_states, parts))


def _behind_time(value: Value) -> tuple[int, ...]:
    return tuple(range(2, value.type.rank))


def _values(flows: Sequence[Flow]) -> tuple[Value, ...]:
    return tuple(flow.value for flow in flows if flow.value is not None)


def _pick(done: Mapping[tuple[str, int], list[Flow]], ref: TensorRef) -> Flow:
    flows = done[ref.layer, ref.node]
    if flows == [Flow(None)]:
        return flows[0]
    if ref.tensor >= len(flows):
        raise DamagedFileError(f"The layer {ref.layer!r} has {len(flows)} outputs; output {ref.tensor} is asked for.")
    return flows[ref.tensor]


def _dtype(raw: object) -> str:
    """The dtype of values under a dtype policy: all floating-point ones are computed in float32."""
    if isinstance(raw, Mapping):
        raw = raw.get("config", {}).get("name")
    name = str(raw or "float32")
    if "float" not in name and name not in _DTYPES:
        raise DamagedFileError(f"There is no dtype {name[:40]!r} in any Keras.")
    return "float32" if "float" in name else name
