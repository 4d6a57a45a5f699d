"""``kerasport convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasport.cli.options import listed, paired, reading_options, states_option
from kerasport.cli.reporting import Draft, report_option, reporting, warn_of
from kerasport.text import size_text

if TYPE_CHECKING:
    from kerasport.conversion import Conversion
    from kerasport.loading import Reading


@click.command("convert")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option(
    "--opset", type=int, help="The ONNX opset to write, 13 or later; 20 by default, or 18 where that is faster."
)
@click.option("--no-validate", is_flag=True, help="Do not compare the result with the NumPy reference.")
@click.option("--no-fold", is_flag=True, help="Keep every layer; do not fold any into its neighbour.")
@click.option(
    "--inputs-as-nchw",
    is_flag=True,
    help="Make the ONNX model take images channels-first: (batch, channels, height, width).",
)
@click.option(
    "--outputs-as-nchw",
    is_flag=True,
    help="Return outputs channels-first if they are channels-first inside the ONNX graph.",
)
@click.option(
    "--outputs", multiple=True, metavar="LAYER,...", help="Return the outputs of these layers instead of the model's."
)
@click.option(
    "--inputs", multiple=True, metavar="LAYER,...", help="Start at these layers; their inputs become the model's."
)
@click.option("--softmax", multiple=True, metavar="OUTPUT", help="Turn an output of logits into probabilities.")
@click.option("--argmax", multiple=True, metavar="OUTPUT", help="Return the index of an output's largest value.")
@click.option(
    "--preprocess",
    type=click.Choice(["caffe", "tf", "torch", "0-1"]),
    help="Take raw images (uint8, RGB) and preprocess them as keras.applications does.",
)
@click.option("--rename", multiple=True, metavar="OLD=NEW,...", help="Rename an input or output.")
@report_option
@reading_options
@states_option
def command(
    model: Path,
    output: Path,
    opset: int | None,
    no_validate: bool,
    no_fold: bool,
    inputs_as_nchw: bool,
    outputs_as_nchw: bool,
    outputs: tuple[str, ...],
    inputs: tuple[str, ...],
    softmax: tuple[str, ...],
    argmax: tuple[str, ...],
    preprocess: str | None,
    rename: tuple[str, ...],
    reports: tuple[Path, ...],
    reading: Reading,
    states: str,
) -> None:
    """Convert the Keras file MODEL to the ONNX file OUTPUT.

    The result is compared with the NumPy reference, layer by layer, before OUTPUT is written.
    """
    from kerasport.conversion import convert
    from kerasport.parts.cutting import Cut

    part = Cut(
        outputs=listed(outputs),
        inputs=listed(inputs),
        softmax=listed(softmax),
        argmax=listed(argmax),
        preprocess=preprocess or "",
        rename=paired(listed(rename), "--rename", "OLD=NEW"),
    )
    with reporting(reports, Draft("convert", (model,), output, reading.get("weights"))) as draft:
        result = convert(
            model,
            output,
            opset=opset,
            fold=not no_fold,
            validate=not no_validate,
            chained=bool(reports),
            **reading,
            states=states,
            inputs_as_nchw=inputs_as_nchw,
            outputs_as_nchw=outputs_as_nchw,
            part=part,
        )
        draft.validation, draft.conversion = result.validation, result.numbers()
        draft.not_finite = result.not_finite
        _show(result)
        warn_of(result.not_finite)


def _show(result: Conversion) -> None:
    click.echo(
        f"{result.path}: {result.layers} layers, {result.nodes} nodes, {result.parameters:,} parameters,"
        f" {size_text(result.size)}, opset {result.opset}"
    )
    if result.states:
        pairs = ", ".join(f"{state.output} to {state.input}" for state in result.states)
        click.echo(f"states to carry from batch to batch: {pairs}")
    for package in dict.fromkeys(result.assumed.values()):
        layers = ", ".join(layer for layer, found in result.assumed.items() if found == package)
        click.echo(f"assumed from their names to be layers of {package}; if they are not, use --plugin: {layers}")
    if result.validation is None:
        click.echo("not validated")
    else:
        click.echo(f"validated against the NumPy reference: {result.validation.verdict()}")
