"""The comparison itself: which inputs are tried, and what the trials find together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import InputError, OptionError
from kerasport.graph import Graph
from kerasport.loading import LoadedModel, Reading, load
from kerasport.memory import keep_freed
from kerasport.parts.cutting import Cut, cut
from kerasport.parts.states import with_states
from kerasport.validation.adapter import Adapter, adapted, as_fixed
from kerasport.validation.coverage import Coverage
from kerasport.validation.ends import judge_ends
from kerasport.validation.error import LayerError, Tolerance
from kerasport.validation.foreign import Ends
from kerasport.validation.guesses import excused, guessed_places, without_wrong_guesses
from kerasport.validation.noted import as_converted
from kerasport.validation.place import places
from kerasport.validation.plan import FloatType, Plan
from kerasport.validation.predictions import by_output, decided, judge_predictions
from kerasport.validation.result import TrialInput, Validation, Witness
from kerasport.validation.trial import Findings, judge_layers

if TYPE_CHECKING:
    from kerasport.validation.inputs import Trial

Array = NDArray[Any]
_PRECISIONS: dict[str, FloatType] = {"float64": np.float64, "float32": np.float32}
_SMALL = 20_000
# How many numbers all layers' outputs may have, over all trials, before no more inputs are drawn.
_BUDGET = 30_000_000
_ROUNDS = 6
# How many numbers all layers' outputs may have before more than three rows are drawn, and for how long axes of unknown
# length are taken.
_CHEAP = 1 << 17
_LENGTH = 12


@dataclass(frozen=True)
class Settings:
    """How to make a comparison.

    Attributes:
        seed: The seed of generated inputs.
        batch: Rows to generate; None for three, so that three mask patterns occur, and up to sixteen if rows are small,
            so that both signs occur at each index, or two if a row is as large as an image: with a single row, the
            batch cannot be told from other axes of length 1.
        precision: The precision of the reference, "float64" or "float32".
        memory: The approximate limit, in bytes, on the weights and values of the ONNX model held at a time.
        chained: Whether to measure as well how errors accumulate from layer to layer.
        rounds: The largest number of batches to try; more than one is tried if channels stay dead or shapes are open.
        witness: Whether to consult onnx's reference evaluator about layers that fail.
        ends: How inputs and outputs of the ONNX model match those of the Keras model, if that is ambiguous.
    """

    seed: int = 0
    batch: int | None = None
    precision: str = "float64"
    memory: int = 128 << 20
    chained: bool = True
    rounds: int = _ROUNDS
    witness: bool = True
    ends: Ends = field(default_factory=Ends)


def validate(
    source: str | Path,
    onnx_path: str | Path,
    *,
    inputs: Sequence[Array] | Mapping[str, Array] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
    batch: int | None = None,
    precision: str = "float64",
    expected: Sequence[Array] | Mapping[str, Array] | None = None,
    map_inputs: Mapping[str, str] | None = None,
    map_outputs: Mapping[str, str] | None = None,
    nchw: Collection[str] = (),
    **reading: Unpack[Reading],
) -> Validation:
    """Compares an ONNX file with the NumPy reference of the Keras file that it was converted from.

    The ONNX file records whether the states of stateful layers are inputs and outputs; if so, generated inputs include
    states, and states are zero with inputs of your own.

    Args:
        source: The Keras model file or architecture.
        onnx_path: The ONNX file.
        inputs: One array per model input, in order or by name; generated if None.
        rtol: Tolerance relative to each value, instead of what rounding explains.
        atol: Tolerance relative to the largest value of each layer's output, instead of what rounding explains.
        seed: The seed of generated inputs.
        batch: Rows to generate; None for three to sixteen, or two if a row is as large as an image.
        precision: The precision of the reference, "float64" or "float32".
        expected: What Keras predicted for the inputs: one array per output in order, or some by name.
        map_inputs: The ONNX model's input names by Keras's, if another converter's names do not match.
        map_outputs: The same for outputs.
        nchw: Inputs and outputs that are channels-first in the ONNX model, if their shapes do not show it.
        **reading: How the source is read; see ``kerasport.loading.Reading``.

    Raises:
        FileError: A file cannot be read.
        UnsupportedModelError: The Keras model has unsupported layers.
        OptionError: Expected predictions are given without inputs, or there are no such inputs or outputs.
        InputError: The inputs do not fit the model, or cannot be matched with those of the ONNX model.
    """
    ends = Ends(map_inputs or {}, map_outputs or {}, nchw)
    settings = Settings(seed, batch, precision, ends=ends)
    with load(source, **as_converted(Path(onnx_path), reading)) as model:
        return compare(model, Path(onnx_path), inputs, Tolerance(rtol, atol), settings, expected)


def compare(
    model: LoadedModel,
    onnx_path: Path,
    inputs: Sequence[Array] | Mapping[str, Array] | None = None,
    tolerance: Tolerance = Tolerance(),  # noqa: B008 (frozen)
    settings: Settings = Settings(),
    expected: Sequence[Array] | Mapping[str, Array] | None = None,
) -> Validation:
    """``validate`` for a model that is already loaded."""
    from kerasport.runtime.sessions import Session
    from kerasport.validation.skeleton import read_skeleton

    keep_freed()
    model.saved.check()
    skeleton = read_skeleton(onnx_path)
    part = cut(model, Cut.of(skeleton.properties))
    graph = with_states(part, "carry" if "kerasport.states" in skeleton.properties else "reset")
    own = skeleton.is_own
    session = adapted(graph, Session(onnx_path, once=True), settings.ends, own)
    graph = as_fixed(graph, session.inputs)
    found, guessed = (places(graph, skeleton), frozenset[str]()) if own else guessed_places(graph, skeleton, session)
    plan = Plan(graph, skeleton, found, _PRECISIONS[settings.precision], guessed)
    given = None if inputs is None else _given(part, graph, inputs)
    if expected is not None and given is None:
        raise OptionError("Predictions are compared for inputs that are given.", "Give those as well, with --input.")
    found_out = _Comparison(plan, session, tolerance, settings, by_output(graph, expected)).of(given)
    return replace(found_out, not_finite=model.not_finite)


class _Comparison:
    """The trials of one model."""

    def __init__(
        self,
        plan: Plan,
        session: Adapter,
        tolerance: Tolerance,
        settings: Settings,
        predictions: Mapping[str, Array],
    ) -> None:
        self._plan, self._session, self._tolerance, self._settings = plan, session, tolerance, settings
        self._predictions = predictions
        self._expected: list[LayerError] = []
        self._layers: dict[str, LayerError] = {}
        self._outputs: dict[str, LayerError] = {}
        self._coverage = Coverage(plan.graph)
        self._trials: list[TrialInput] = []
        self._witnesses: tuple[Witness, ...] = ()
        self._spent = 0

    def of(self, given: list[Array] | None) -> Validation:
        """Tries the model with the inputs that are given, or with generated ones."""
        if given is None:
            self._try_generated()
        else:
            self._try(given, self._session.run(given), None)
        order = [name for name in self._plan.calls if name in self._layers and name in self._plan.places]
        layers = self._excused(self._layers, self._outputs.values())
        return Validation(
            layers=tuple(self._with_coverage(layers[name]) for name in order),
            outputs=tuple(self._outputs[name] for name in self._plan.graph.output_names),
            tolerance=self._tolerance,
            trials=tuple(self._trials),
            witnesses=self._witnesses,
            expected=tuple(self._expected),
            notes=tuple(self._notes()),
        )

    def _notes(self) -> Iterator[str]:
        """What was told by less than certain signs."""
        for kind, ends in (("inputs", self._session.inputs), ("outputs", self._session.outputs)):
            pairs = [f"{end.name}={end.port.name}" for end in ends if end.by_order]
            if pairs:
                yield f"the {kind} {', '.join(pairs)} were matched by their order; --map-{kind[:-1]} says otherwise"
        plan = self._plan
        if not plan.skeleton.is_own:
            yield f"{len(plan.guessed)} of {len(plan.graph.calls)} layers were located by the names of their values"

    def _excused(self, layers: Mapping[str, LayerError], outputs: Iterable[LayerError]) -> Mapping[str, LayerError]:
        foreign = not self._plan.skeleton.is_own
        return excused(layers) if foreign and _all_passed(outputs) else layers

    def _with_coverage(self, entry: LayerError) -> LayerError:
        found, name = self._coverage, entry.name
        return replace(entry, channels=found.channels(name), dead=found.dead(name), idle=found.idle(name))

    def _try(self, inputs: list[Array], final: list[Array] | str, seed: int | None) -> None:
        """One batch; of what several batches find, the worst counts."""
        settings, inputs = self._settings, self._session.read(inputs)
        feeds = self._session.feeds(inputs)

        def judged(plan: Plan) -> Findings:
            return judge_layers(plan, inputs, feeds, self._tolerance, settings.memory, settings.chained)

        def ends_of(found: Findings) -> list[LayerError]:
            return judge_ends(self._plan, inputs, final, found.ends, self._tolerance)

        plan, found = without_wrong_guesses(self._plan, judged, lambda found: _all_passed(ends_of(found)))
        self._plan, ends = plan, ends_of(found)
        for entry in ends:
            self._outputs[entry.name] = _worse(self._outputs.get(entry.name), entry)
        self._take(plan, inputs, feeds, found, ends)
        if self._predictions and not isinstance(final, str):
            self._expected, right = judge_predictions(
                plan, inputs, final, found.ends, self._predictions, self._tolerance
            )
            self._witnesses = tuple(decided(witness, self._expected, right) for witness in self._witnesses)
        self._note("given" if seed is None else "generated", seed, inputs)

    def _take(
        self,
        plan: Plan,
        inputs: list[Array],
        feeds: Mapping[str, Array],
        found: Findings,
        ends: Sequence[LayerError],
    ) -> None:
        """Takes in what a trial finds of layers; of what several find, the worst counts."""
        for name, entry in found.entries.items():
            self._layers[name] = _worse(self._layers.get(name), entry)
        self._coverage.add(found.ranges, found.gates)
        if self._settings.witness and not self._witnesses:
            self._ask(plan, inputs, feeds, self._excused(found.entries, ends), ends)

    def _note(self, source: str, seed: int | None, inputs: Sequence[Array]) -> None:
        cost = sum(self._plan.sizes(inputs).values())
        self._spent += cost
        shapes = {value.name: array.shape for value, array in zip(self._plan.graph.inputs, inputs, strict=True)}
        self._trials.append(TrialInput(source, seed, shapes))

    def _try_bools(self, first: Trial) -> None:
        """A trial of layers that read bools, masks above all, which no input has made false, with drawn ones."""
        from kerasport.validation.inputs import generate

        settings = self._settings
        for number, drawing in enumerate(self._plan.drawings(self._coverage.never_false)):
            seed = settings.seed + settings.rounds + number
            inputs = self._session.read(generate(self._plan.graph, first, seed)) if drawing.judged else []
            if not drawing.judged or not self._affordable(inputs):
                continue
            plan, feeds = self._plan.drawing(drawing), self._session.feeds(inputs)
            found = judge_layers(plan, inputs, feeds, self._tolerance, settings.memory, chained=False)
            self._take(plan, inputs, feeds, found, ())
            self._note("masked", seed, inputs)

    def _ask(
        self,
        plan: Plan,
        inputs: list[Array],
        feeds: Mapping[str, Array],
        entries: Mapping[str, LayerError],
        ends: Sequence[LayerError],
    ) -> None:
        """Asks witnesses about what fails: layers, or else outputs."""
        failing = [name for name in plan.calls if name in entries and not entries[name].passed]
        if not failing and _all_passed(ends):
            return
        from kerasport.validation.witness import hear, without_optimizer

        if failing:
            self._witnesses = hear(plan, inputs, feeds, failing, self._tolerance)
        else:
            self._witnesses = without_optimizer(plan, inputs, self._session, ends, self._tolerance)

    def _try_generated(self) -> None:
        """A first batch; some of other sizes, where sizes are open; and more while they wake what is dead."""
        first = self._try_first()
        self._try_others(first)
        self._try_bools(first)

    def _try_others(self, first: Trial) -> None:
        from kerasport.validation.inputs import generate, others

        settings, graph = self._settings, self._plan.graph
        before: int | None = None
        for number, other in enumerate(others(graph, first, settings.batch), 1):
            if number >= settings.rounds:
                return
            if not other.due:
                dead = self._coverage.total
                if not dead or dead == before:
                    return
                before = dead
            seed = settings.seed + number
            inputs = generate(graph, other.trial, seed)
            if not self._affordable(inputs):
                continue
            refusal = self._try_if_accepted(inputs, seed)
            if refusal is not None:
                self._try_refusals([(other.trial, refusal)], seed)

    def _affordable(self, inputs: Sequence[Array]) -> bool:
        return self._spent + sum(self._plan.sizes(inputs).values()) <= _BUDGET

    def _try_if_accepted(self, inputs: list[Array], seed: int) -> InputError | None:
        """Tries inputs that the model and the reference take; the reason where they do not."""
        try:
            self._try(inputs, self._session.run(inputs), seed)
        except InputError as error:
            return error
        return None

    def _try_refusals(self, refusals: Sequence[tuple[Trial, InputError]], seed: int) -> Trial | None:
        """Tries the first inputs of those that the model refuses that it should take, as the reference does."""
        from kerasport.validation.inputs import generate

        for trial, refusal in refusals:
            try:
                self._try(generate(self._plan.graph, trial, seed), refusal.message, seed)
            except InputError:
                continue
            return trial
        return None

    def _try_first(self) -> Trial:
        """Generated inputs that the model takes, or, where it takes none, those that it should take.

        Raises:
            InputError: Neither does the reference take any of those that were tried.
        """
        from kerasport.validation.inputs import generate, trials

        graph, settings = self._plan.graph, self._settings
        refusals: list[tuple[Trial, InputError]] = []
        for trial in trials(graph, settings.batch or _batch(graph)):
            refusal = self._try_if_accepted(generate(graph, trial, settings.seed), settings.seed)
            if refusal is None:
                other_rows = [refused for refused in refusals if replace(refused[0], batch=trial.batch) == trial]
                self._try_refusals(other_rows, settings.seed)
                return trial
            refusals.append((trial, refusal))
        tried = self._try_refusals(refusals, settings.seed)
        if tried is None:
            raise refusals[0][1]
        return tried


def _all_passed(entries: Iterable[LayerError]) -> bool:
    return all(entry.passed for entry in entries)


def _worse(known: LayerError | None, entry: LayerError) -> LayerError:
    if known is None or (known.passed and not entry.passed):
        return entry
    if entry.passed and not known.passed:
        return known
    return max(known, entry, key=lambda e: (e.roundings, e.just_passes, e.max_rel))


def _batch(graph: Graph) -> int:
    """Three rows, so that three patterns of masks are seen, and more where they are small; two as large as an image."""
    largest = max((prod(dim or 1 for dim in value.type.shape[1:]) for value in graph.inputs), default=0)
    if largest >= _SMALL:
        return 2
    row = sum(prod(dim or _LENGTH for dim in value.type.shape[1:]) for call in graph.calls for value in call.outputs)
    return min(max(_CHEAP // max(row, 1), 3), 16)


def _given(plain: Graph, graph: Graph, inputs: Sequence[Array] | Mapping[str, Array]) -> list[Array]:
    """The model's own inputs, with zeros for states, as in a first batch."""
    arrays = _ordered(plain, inputs)
    states = [value.type for value in graph.inputs[len(arrays) :]]
    return arrays + [
        np.zeros([len(arrays[0]), *(dim or 1 for dim in type_.shape[1:])], type_.dtype) for type_ in states
    ]


def _ordered(graph: Graph, inputs: Sequence[Array] | Mapping[str, Array]) -> list[Array]:
    names = [value.name for value in graph.inputs]
    if isinstance(inputs, Mapping):
        if set(inputs) != set(names):
            raise InputError(f"The model's inputs are {', '.join(names)}; given are {', '.join(inputs)}.")
        inputs = [inputs[name] for name in names]
    if len(inputs) != len(names):
        raise InputError(f"The model has {len(names)} inputs ({', '.join(names)}) and {len(inputs)} arrays are given.")
    return [np.asarray(array) for array in inputs]
