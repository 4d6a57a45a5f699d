"""``predict`` for arrays, batches and files, from Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeAlias, cast, overload

from kerasport.errors import OptionError
from kerasport.prediction.data_options import DataOptions
from kerasport.prediction.predictor import Data, Predictor
from kerasport.prediction.rows import Array, Table
from kerasport.prediction.summary import Summary

Result: TypeAlias = Array | list[Array]
_DATA_OPTIONS = {field.name for field in fields(DataOptions)}
Files: TypeAlias = str | Path | Sequence[str | Path] | Mapping[str, str | Path]


@overload
def predict(model: str | Path, data: Iterator[Data], **options: Any) -> Iterator[Result]: ...


@overload
def predict(model: str | Path, data: Data | Files, *, output: str | Path, **options: Any) -> Summary: ...


@overload
def predict(model: str | Path, data: Data | Files, *, batch_size: int | None = None, **options: Any) -> Result: ...


def predict(
    model: str | Path,
    data: Data | Files | Iterator[Data],
    *,
    output: str | Path | None = None,
    batch_size: int | None = None,
    on_error: str = "stop",
    bad_rows: str | Path | None = None,
    resume: bool = False,
    shard: tuple[int, int] = (1, 1),
    address: str = "",
    **options: Any,
) -> Result | Iterator[Result] | Summary:
    """Predicts for arrays, for an iterator of batches, or for files.

    Args:
        model: An ONNX file, or a Keras file, which is converted in memory.
        data: An array, a list of arrays in the order of the inputs, or arrays by input name, batch first; or an
            iterator of such batches; or the files, in the formats that ``kerasport predict --input`` reads.
        output: The file to write; None returns arrays.
        batch_size: Rows per batch; None lets kerasport choose. The batches of an iterator are taken as they come.
        on_error: For an output file: "stop", "skip" or "null", what to do with unusable rows.
        bad_rows: The file that lists these; None names it after the output, ``OUTPUT.bad.jsonl``.
        resume: For an output file: whether to continue a run that was killed.
        shard: For an output file: (i, n) for the i-th of n contiguous shares of the rows, counted from 1.
        address: For the engine "ray", which predicts from file to file: the address of a cluster; "" for the one that
            this process is connected to, or else for one on this machine.
        **options: Those of ``Predictor``: engine, threads, provider, states, and how a Keras file is read; and those of
            ``DataOptions``, as on the command line: columns, keep_columns, input_format, output_format, delimiter,
            header, preprocess, resample, image_size, top, labels.

    Returns:
        The output, or a list of outputs if the model has several; for an iterator, an iterator of these; with
        ``output``, a summary of what was written.

    Raises:
        FileError: The model cannot be read, or the output cannot be written.
        UnsupportedModelError: The Keras file has layers that are not supported.
        InputError: The data does not fit the model, or rows of it cannot be used.
        OptionError: The options contradict each other.
    """
    if isinstance(data, Iterator):
        return _streamed(model, data, options)
    chosen = DataOptions.of({name: options.pop(name) for name in _DATA_OPTIONS & set(options)})
    if output is None and (chosen.keep_columns or chosen.top):
        raise OptionError("keep_columns and top are for an output file.", "Name one: output='predictions.csv'.")
    from kerasport.prediction.scoring import Job, cluster_of, score

    cluster = cluster_of(options, address, writes=output is not None)
    with Predictor(model, **options) as predictor:
        before = chosen.before(predictor.inputs)
        table = _opened(predictor, data, chosen) if _are_files(data) else predictor.table(cast("Data", data))
        if output is None:
            return _single(predictor.read(table, batch_size, before))
        listed = None if bad_rows is None else Path(bad_rows)
        after, format = chosen.after(predictor.outputs), chosen.output_format
        job = Job(
            Path(output), format, batch_size, on_error, listed, resume, shard, before, after, chosen.settings(), cluster
        )
        return score(predictor, table, job)


def _opened(predictor: Predictor, data: Any, chosen: DataOptions) -> Table:
    from kerasport.prediction.binding import open_inputs

    return open_inputs(_given(data), chosen.request(predictor.inputs))


def _streamed(model: str | Path, data: Iterator[Data], options: Mapping[str, Any]) -> Iterator[Result]:
    with Predictor(model, **options) as predictor:
        for outputs in predictor.batches(data):
            yield _single(outputs)


def _single(outputs: list[Array]) -> Result:
    return outputs[0] if len(outputs) == 1 else outputs


def _are_files(data: Any) -> bool:
    if isinstance(data, Mapping):
        data = list(data.values())
    if isinstance(data, Sequence) and not isinstance(data, str):
        return len(data) > 0 and all(isinstance(item, str | Path) for item in data)
    return isinstance(data, str | Path)


def _given(data: Files) -> list[str]:
    """The files as the command line takes them."""
    if isinstance(data, Mapping):
        return [f"{name}={path}" for name, path in data.items()]
    return [str(data)] if isinstance(data, str | Path) else [str(path) for path in data]
