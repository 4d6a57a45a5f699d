"""The command group, and what all commands share: errors, exit codes, --debug."""

from __future__ import annotations

import gc
import sys
from contextvars import copy_context
from importlib import import_module
from typing import Any

import click

from kerasport._version import __version__
from kerasport.cli.supervisor import supervised
from kerasport.errors import KerasportError, UnsupportedModelError

COMMANDS = {
    "inspect": "Show what a model file contains and whether it can be converted.",
    "check": "Say whether model files can be converted, with every reason why not.",
    "convert": "Convert a Keras model file to a validated ONNX file.",
    "validate": "Compare an ONNX file with its Keras file, layer by layer.",
    "predict": "Predict with an ONNX or Keras model file.",
    "scaffold": "Write a plugin skeleton for the layers of a file that kerasport does not know.",
    "layers": "List the supported layers, operations and activation functions.",
    "doctor": "Check the installed versions and their known vulnerabilities.",
}
EPILOG = """\b
Exit codes:
  0  success
  1  an unexpected error (please report it)
  2  wrong usage
  3  a file that cannot be read as a model, or not safely, or cannot be written
  4  a model with unsupported layers or options
  5  ONNX Runtime and the reference disagree
  6  input arrays that do not fit the model
  7  not enough memory
  8  a plugin that cannot be loaded, or fails
  9  doctor found something missing, broken or outdated; with --strict, also published vulnerabilities
  130  interrupted
"""


class _Lazy(click.Group):
    """Imports a command's module only when it is run, so that --help loads nothing heavy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"kerasport.cli.{cmd_name}_command").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kerasport")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--limit",
    "changed",
    multiple=True,
    metavar="NAME=N",
    help="Raise a limit on untrusted files: layers, name, text, values, expansion, seconds (repeatable).",
)
def group(debug: bool, changed: tuple[str, ...]) -> None:
    """Convert trained Keras models to ONNX and prove the result, without TensorFlow or Keras installed."""
    if changed:
        _use_limits(changed)


def _use_limits(changed: tuple[str, ...]) -> None:
    from kerasport.errors import OptionError
    from kerasport.limits import use

    for item in changed:
        name, _, value = item.partition("=")
        if not value.isascii() or not value.isdigit():
            raise OptionError(f"--limit {item}: expected NAME=N with a whole number N.")
        use(**{name: int(value)})


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with the documented code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    gc.set_threshold(400_000, 20, 20)  # startup creates many long-lived objects; scanning them would cost 0.1 s
    try:
        code = supervised(lambda: run(arguments, debug="--debug" in arguments))
    except KeyboardInterrupt:  # before either process has taken over what becomes of it
        click.echo("Interrupted.", err=True)
        code = 130
    gc.freeze()  # exiting frees everything; scanning for cycles first gains nothing
    sys.exit(code)


def run(arguments: list[str], debug: bool) -> int:
    """Runs the command line and returns the exit code; with ``debug``, errors keep their tracebacks."""
    arguments = ["--debug", *(a for a in arguments if a != "--debug")] if debug else arguments
    try:
        result: Any = copy_context().run(group.main, arguments, prog_name="kerasport", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        if debug:
            raise
        return _reported(error)
    return result if isinstance(result, int) else 0


def _reported(error: Exception) -> int:
    """Prints an error for the user and returns the exit code."""
    if isinstance(error, KerasportError):
        _show(error)
        return error.exit_code
    if isinstance(error, MemoryError):
        click.echo(f"There is not enough memory for this model: {str(error) or 'none is left'}.", err=True)
        click.echo("A smaller --batch, or convert --no-validate, needs less.", err=True)
        return 7
    click.echo(f"Unexpected error: {type(error).__name__}: {error}", err=True)
    click.echo("This is a bug in kerasport; --debug shows where. Please report it.", err=True)
    return 1


def _show(error: KerasportError) -> None:
    click.echo(f"Error: {error.message}", err=True)
    if error.hint:
        click.echo(error.hint, err=True)
    if isinstance(error, UnsupportedModelError):
        click.echo("Nothing was written.", err=True)
