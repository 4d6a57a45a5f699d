"""From a canonical model to the graph: nested models inlined, shapes inferred, masks made explicit calls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

from kerasport.assembly.advice import Commands, with_parts
from kerasport.assembly.evidence import Evidence
from kerasport.assembly.holes import Holes, Reading, picked
from kerasport.assembly.order import order
from kerasport.assembly.parsing import Part, no_part, parsed
from kerasport.assembly.records import Assembly, LayerRecord, input_shape, is_too_large, parts_of, value_dtype
from kerasport.assembly.sizes import Sizes, example
from kerasport.assembly.time_axis import Flow, TimeAxis, values_of
from kerasport.assembly.training import Training, in_mode
from kerasport.assembly.widening import inferred, is_narrow, widened
from kerasport.custom.registry import CUSTOM
from kerasport.dialect.model import LayerDef, ModelDef, Node, has_states, keeps_batch
from kerasport.errors import DamagedFileError, LayerError, Problem, UnknownError
from kerasport.graph import Call, Ends, Graph, Layer, reachable
from kerasport.layers.base import MISFITS, Spec, TensorType, Value
from kerasport.layers.composed import Composite, Parameter
from kerasport.layers.core import Identity
from kerasport.layers.ops import CastTo, Op, ReduceAny
from kerasport.layers.wrappers import works_per_step
from kerasport.limits import limits, way_on

if TYPE_CHECKING:
    from kerasport.custom.registry import Composed
    from kerasport.layers.arguments import Step

_RAGGED = ("it takes ragged tensors", "build the model with dense inputs and a mask, and load these weights")
_SHAPELESS = "the model was saved without an input shape", "give it, with ? for what stays open"


def assemble(
    model: ModelDef,
    allowed: frozenset[str] = frozenset(),
    sizes: Sizes | None = None,
    part: Part = no_part,
    commands: Commands | None = None,
    training: Training | None = None,
    evidence: Evidence | None = None,
) -> Assembly:
    """Builds the graph of a model.

    Args:
        model: Its canonical form.
        allowed: Config keys to accept unread, as ``key`` or ``Class.key``.
        sizes: Sizes of inputs that the model leaves open.
        part: Makes the canonical definition of a layer that a composed one holds.
        commands: What the user types on this model.
        training: How calls in training mode are taken.
        evidence: What the stored weights tell.

    Raises:
        OptionError: The model has no such open sizes.
    """
    given = sizes or Sizes({}), evidence or Evidence(), part, commands or Commands(), training or Training()
    return _Assembler(allowed, *given).run(model)


class _Assembler:
    def __init__(
        self,
        allowed: frozenset[str],
        sizes: Sizes,
        evidence: Evidence,
        part: Part,
        commands: Commands,
        training: Training,
    ) -> None:
        self._allowed, self._sizes, self._evidence = allowed, sizes, evidence
        self._part, self._commands, self._training = part, commands, training
        self._calls: list[Call] = []
        self._names: dict[str, int] = {}
        self._known_ops: dict[tuple[Spec, tuple[str, ...]], tuple[Value, ...]] = {}
        # Values that are another one under a new name, and those whose masks are gone.
        self._same: dict[str, str] = {}
        self._maskless: set[str] = set()
        self._time = TimeAxis(self._emit)
        self._records: dict[str, LayerRecord] = {}
        self._problems: dict[str, Problem] = {}
        self._holes = Holes(sizes, evidence.likely_input, self._records, self._problems, self._unique, self._refuse)
        self._ends: dict[str, list[Ends]] = {}
        self._unknown: dict[str, UnknownError] = {}
        self._fixed_batch = False  # Keras holds its batch size against nobody, unless there are states or constants
        self._keeps_batch = False

    def run(self, model: ModelDef) -> Assembly:
        defined = {layer.name: layer for layer in model.layers}
        self._keeps_batch = keeps_batch(model)
        inputs = [self._input(defined[ref.layer]) for ref in model.inputs]
        outputs = values_of(self._model(model, inputs, ""))
        self._sizes.check()
        graph = Graph(
            name=model.name,
            inputs=values_of(inputs),
            outputs=outputs,
            output_names=model.output_names,
            calls=reachable(self._calls, outputs),
            layers={
                key: Layer(key, record.definition.class_name, record.roles) for key, record in self._records.items()
            },
        )
        ends = [ref.layer for ref in model.outputs]
        problems = with_parts(self._problems, graph, ends, self._calls, self._ends, self._holes)
        return Assembly(
            graph,
            self._commands.completed(problems, self._records),
            self._records,
            tuple(self._calls),
            self._ends,
            self._unknown,
            self._holes,
            self._part,
            self._commands,
        )

    # --- models

    def _input(self, layer: LayerDef) -> Flow:
        ragged = layer.config.get("ragged")
        dims = input_shape(layer)
        if dims and dims[0] is not None:
            self._fixed_batch = True
            dims = dims if self._keeps_batch else (None, *dims[1:])
        dims = self._sizes.shape(layer.name, dims)
        if dims is None or ragged:
            self._refuse(layer.name, LayerError(*_RAGGED) if ragged else LayerError(*_SHAPELESS, example(layer.name)))
            return Flow(None)
        type_ = TensorType(dims, value_dtype(layer.config.get("dtype")))
        if is_too_large(type_):
            self._problem(layer.name, f"it has more than {limits().values:,} values per sample", way_on("values"))
            return Flow(None)
        return Flow(Value(self._unique(layer.name), type_))

    def _model(self, model: ModelDef, args: Sequence[Flow], prefix: str, training: object = None) -> list[Flow]:
        """Calls a model on tensors, in a mode that is given or its layers' own; gives its outputs."""
        layers = {layer.name: layer for layer in model.layers}
        if len(args) != len(model.inputs):
            raise DamagedFileError(f"The model {model.name!r} has {len(model.inputs)} inputs and is given {len(args)}.")
        done: dict[tuple[str, int], list[Flow]] = {
            (ref.layer, ref.node): [self._as_input(flow, layers[ref.layer])]
            for ref, flow in zip(model.inputs, args, strict=True)
        }
        for name, index in order(model, layers, done):
            node = in_mode(layers[name].nodes[index], training)
            reads = [Reading(ref, layers[ref.layer], layers[name], prefix, node) for ref in node.inputs]
            found = [self._holes.filled(picked(done, read.tensor), read) for read in reads]
            flows = [self._with_its_mask(flow) for flow in found]
            mask = picked(done, node.mask) if node.mask else None
            results = done[name, index] = self._apply(layers[name], node, flows, mask, prefix)
            self._ends.setdefault(prefix + name, []).append(Ends(values_of(flows), values_of(results)))
        return [picked(done, ref) for ref in model.outputs]

    def _with_its_mask(self, flow: Flow) -> Flow:
        """The tensor without its mask, where a call before took that away."""
        taken = flow.value is not None and self._same.get(flow.value.name, flow.value.name) in self._maskless
        return Flow(flow.value) if taken else flow

    def _as_input(self, flow: Flow, layer: LayerDef) -> Flow:
        """What an inner model's InputLayer makes of its argument: its own dtype."""
        if flow.value is None or layer.class_name != "InputLayer":
            return flow
        wanted = value_dtype(layer.config.get("dtype", flow.value.type.dtype))
        if wanted.startswith("float") and not flow.value.type.dtype.startswith("float"):
            return Flow(self._emit(CastTo(dtype=wanted), (flow.value,), flow.value.name), flow.mask)
        return flow

    # --- layers

    def _apply(self, layer: LayerDef, node: Node, flows: list[Flow], mask: Flow | None, prefix: str) -> list[Flow]:
        key = prefix + layer.name
        if mask is not None and flows:
            flows = [Flow(flows[0].value, mask.value), *flows[1:]]
        if layer.model is not None:
            return self._model(layer.model, flows, f"{key}/", node.kwargs.get("training"))
        if layer.operation:
            return self._operation(layer, node, flows, key)
        if layer.class_name == "TimeDistributed":
            return self._time_distributed(layer, node, flows, key)
        if (composed := CUSTOM.composed(layer.class_name)) is not None:
            return self._composed(composed, layer, node, flows, key)
        return self._called(layer, node, flows, key)

    def _called(self, layer: LayerDef, node: Node, flows: list[Flow], key: str) -> list[Flow]:
        """A layer with a spec."""
        spec = self._spec(layer, key)
        self._records[key].given = self._records[key].given or tuple(flows)
        if spec is None or any(flow.value is None for flow in flows):
            return [Flow(None)]
        try:
            arguments = self._training.arguments(layer, spec, node.kwargs)
            results = self._call(spec.called_with(arguments), key, flows)
            return [Flow(flow.value) for flow in results] if layer.drops_mask else results
        except LayerError as error:
            self._refuse(key, error)
        except MISFITS as error:
            shapes = ", ".join(str(flow.value.type.shape) for flow in flows if flow.value)
            self._problem(key, f"its config does not fit an input of shape {shapes}: {error}", "")
        return [Flow(None)]

    def _composed(self, composed: Composed, layer: LayerDef, node: Node, flows: list[Flow], key: str) -> list[Flow]:
        """A custom layer as the layers and operations that it is composed of."""
        from kerasport.custom.composing import BlockedError, CustomLayer, Hands, shapes

        record = self._records.setdefault(key, LayerRecord(key, layer))
        record.given = record.given or tuple(flows)
        if any(flow.value is None for flow in flows):
            return [Flow(None)]
        hands = Hands(
            emit=lambda spec, values: self._emit_all(spec, values, key, *_named(spec)),
            apply=lambda part, call, given, mask: self._apply(part, call, given, mask, f"{key}/"),
            part=self._part,
            training=self._training,
            stored=lambda: self._evidence.stored(partial(parts_of, self._records), key),
        )
        call = CustomLayer(composed, layer, node, key, hands)
        try:
            results = call.run(flows, self._allowed)
            values = values_of(results)
            record.spec = Composite()
            record.inputs = tuple(value.name for value in values_of(flows))
            record.outputs = tuple(value.type for value in values)
            record.roles, record.non_trainable = shapes(call.roles, call.non_trainable), frozenset(call.non_trainable)
            record.parts = call.parts
            made = self._add(record.spec, key, key, values, (), record.outputs)
            return [Flow(value, flow.mask) for value, flow in zip(made, results, strict=True)]
        except BlockedError:
            pass
        except LayerError as error:
            self._refuse(key, error)
        return [Flow(None)]

    def _spec(self, layer: LayerDef, key: str) -> Spec | None:
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = LayerRecord(key, layer)
            try:
                record.spec = parsed(layer, self._allowed)
            except LayerError as error:
                self._refuse(key, error)
        return record.spec

    def _call(self, spec: Spec, key: str, flows: list[Flow]) -> list[Flow]:
        inputs = values_of(flows)
        spec.check_given(*(value.type for value in inputs))
        whole = "" if not inputs or inputs[0].type.dtype[:5] == "float" else spec.whole_dtype(inputs[0].type.dtype)
        floats = [inputs[place] for place in spec.read_as_floats(len(inputs))]
        inputs = tuple(self._as_float(value) if value in floats else value for value in inputs)
        masks, record = tuple(flow.mask for flow in flows), self._records[key]
        if spec.stateful and record.outputs:
            raise LayerError("it is stateful and called more than once", "use a layer for each call, or stateful=False")
        inferred = spec.infer(*(value.type for value in inputs))
        types = inferred if isinstance(inferred, tuple) else (inferred,)
        if not record.outputs:
            record.roles = spec.weights(*(value.type for value in inputs))
            record.non_trainable = spec.non_trainable
            record.outputs = types
            record.inputs = tuple(value.name for value in inputs)
        outputs = self._add(spec, key, key, inputs, masks, types)
        found = spec.output_mask(masks, inputs, lambda op, values: self._emit(op, values, outputs[0].name))
        given = found if isinstance(found, tuple) else (found,)
        if isinstance(spec, Identity):
            self._same[outputs[0].name] = self._same.get(inputs[0].name, inputs[0].name)
        self._maskless |= {self._same.get(value.name, value.name) for value in spec.takes_masks(inputs)}
        if whole:
            outputs = tuple(self._emit(CastTo(dtype=whole), (value,), value.name) for value in outputs)
        return [Flow(value, mask) for value, mask in zip_longest(outputs, given)]

    def _operation(self, layer: LayerDef, node: Node, flows: list[Flow], key: str) -> list[Flow]:
        """An operation of Keras as ours; they may be there already, as a part of a mask."""
        from kerasport.lambdas.layer import called
        from kerasport.layers.arguments import Arguments

        record = self._records.setdefault(key, LayerRecord(key, layer))
        inputs = values_of(flows)
        if len(inputs) < len(flows):
            return [Flow(None)]
        options = {**layer.config, **node.kwargs}
        arguments = Arguments(node.args, options, inputs, lambda spec, values: self._emit_all(spec, values, key))
        try:
            steps, mask = called(layer, arguments, [flow.mask for flow in flows], key)
            outputs = [value for step in steps for value in self._step(step, key, record)]
        except LayerError as error:
            self._problem(key, error.what, error.hint)
            return [Flow(None)]
        except MISFITS as error:
            shapes = ", ".join(str(value.type.shape) for value in inputs)
            self._problem(key, f"its arguments do not fit inputs of shape {shapes}: {error}", "")
            return [Flow(None)]
        record.outputs = tuple(value.type for value in outputs)
        record.inputs = tuple(value.name for value in inputs)
        return [Flow(value, mask) for value in outputs]

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
        if any(map(is_too_large, types)):
            raise LayerError(f"its output has more than {limits().values:,} values per sample", way_on("values"))
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

    def _emit_all(
        self, spec: Spec, inputs: Sequence[Value], near: str, name: str = "", layer: str = ""
    ) -> tuple[Value, ...]:
        """Like ``_emit``, for an operation with several outputs, or with weights: those of a layer."""
        known = (spec, tuple(value.name for value in inputs))
        if known not in self._known_ops or not isinstance(spec, Op):
            if is_narrow(spec, inputs):
                self._known_ops[known] = widened(
                    spec, inputs, lambda op, values, last: self._emit_all(op, values, near, name if last else "")
                )
            else:
                name = name or f"{near}/{type(spec).__name__}"
                self._known_ops[known] = self._add(spec, name, layer or name, inputs, (), inferred(spec, inputs))
        return self._known_ops[known]

    def _as_float(self, value: Value) -> Value:
        if value.type.dtype.startswith("float"):
            return value
        return self._emit(CastTo(dtype="float32"), (value,), value.name)

    def _time_distributed(self, layer: LayerDef, node: Node, flows: list[Flow], key: str) -> list[Flow]:
        """The inner layer on every step: directly where it works per step anyway, else on (batch * time, ...)."""
        record = self._records.setdefault(key, LayerRecord(key, layer))
        values = values_of(flows)
        if len(values) < len(flows):
            return self._apply(layer.inner["layer"], node, flows, None, f"{key}/")
        if any(value.type.rank < 3 for value in values):
            self._problem(
                key, "its input has no time axis and features", "give it an input of shape (batch, time, ...)"
            )
            return [Flow(None)]
        inner, x, mask = layer.inner["layer"], values[0], flows[0].mask
        if has_states(inner):
            self._problem(key, "its layer is stateful and would carry states from step to step", "")
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
            every = ReduceAny(axes=tuple(range(2, mask.type.rank)))
            steps = mask if mask.type.rank == 2 else self._emit(every, (mask,), key)
            results = [Flow(flow.value, flow.mask or steps) for flow in results]
        record.outputs = tuple(flow.value.type for flow in results if flow.value)
        record.inputs = tuple(value.name for value in values)
        return results if record.outputs else [Flow(None)]

    def _refuse(self, key: str, error: LayerError) -> None:
        if isinstance(error, UnknownError):
            self._unknown.setdefault(key, error)
        self._problem(key, error.what, self._commands.way_on(key, error))

    def _problem(self, key: str, what: str, hint: str) -> None:
        self._problems.setdefault(key, Problem(key, what, hint))

    def _unique(self, name: str) -> str:
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        return name if not count else self._unique(f"{name}@{count}")


def _named(spec: Spec) -> tuple[str, ...]:
    return (f"{spec.layer}/{spec.role}", spec.layer) if isinstance(spec, Parameter) else ()
