"""Plugins are Python files and installed packages: imported, so that what they register is known."""

from __future__ import annotations

import hashlib
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

from kerasport.custom.faults import told
from kerasport.custom.registry import CUSTOM, ENTRY_POINTS
from kerasport.errors import KerasportError, PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class _Uncached(SourceFileLoader):
    """Compiles its file each time: cached bytecode is told from newer source by the second and the size only."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file as it is now; nothing is written beside it."""
        return self.source_to_code(self.get_data(self.path), self.path)


def load(path: str | Path) -> None:
    """Runs a plugin: a Python file that registers layers; once more, it replaces what it has registered before.

    Raises:
        PluginError: There is no such file, it fails, or what it registers is registered already.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise PluginError(f"The plugin {path} does not exist.", "Write its skeleton with: kerasport scaffold MODEL.")
    name = f"kerasport_plugin_{hashlib.sha256(str(file).encode()).hexdigest()[:16]}"
    if file.suffix != ".py":
        raise PluginError(f"The plugin {path} is not a Python file; its name must end in .py.")
    loader = _Uncached(name, str(file))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    CUSTOM.forget(str(file))
    module = module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for the names in annotations
    try:
        loader.exec_module(module)
    except KerasportError:
        raise
    except Exception as error:
        raise PluginError(f"The plugin {told(error, str(file))}.") from error


def load_installed() -> None:
    """Imports the plugins of installed packages.

    Raises:
        PluginError: One of them fails.
    """
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS):
        _load_entry(entry)


def _load_entry(entry: EntryPoint) -> None:
    package = entry.dist.name if entry.dist else entry.name
    try:
        entry.load()
    except KerasportError:
        raise
    except Exception as error:
        what = f"The plugin {entry.value} of the package {package} fails: {type(error).__name__}: {error}."
        raise PluginError(what, f"Fix it, or uninstall it: pip uninstall {package}.") from error
