"""The execution providers of ONNX Runtime, under names that users know."""

from __future__ import annotations

from dataclasses import dataclass

from kerasport.errors import OptionError


@dataclass(frozen=True)
class Provider:
    """An execution provider.

    Attributes:
        name: ONNX Runtime's name for it.
        package: What has it.
        needs: What it computes with.
    """

    name: str
    package: str
    needs: str


PROVIDERS = {
    "cpu": Provider("CPUExecutionProvider", "onnxruntime", "the processor"),
    "cuda": Provider("CUDAExecutionProvider", "onnxruntime-gpu", "an NVIDIA GPU, with CUDA and cuDNN"),
    "coreml": Provider("CoreMLExecutionProvider", "onnxruntime on macOS", "an Apple processor"),
    "openvino": Provider("OpenVINOExecutionProvider", "onnxruntime-openvino", "an Intel processor or GPU"),
    "directml": Provider("DmlExecutionProvider", "onnxruntime-directml", "a GPU on Windows"),
}


def execution_providers(name: str) -> list[str]:
    """ONNX Runtime's names of a provider and of the one that computes what it does not know.

    Raises:
        OptionError: There is no such provider, or the ONNX Runtime that is installed does not have it.
    """
    import onnxruntime

    if name not in PROVIDERS:
        raise OptionError(f"There is no provider {name!r}.", f"Choose one of {', '.join(PROVIDERS)}.")
    provider = PROVIDERS[name]
    available = onnxruntime.get_available_providers()
    if provider.name not in available:
        here = ", ".join(key for key, known in PROVIDERS.items() if known.name in available)
        raise OptionError(
            f"The provider {name} is not in the ONNX Runtime that is installed, which has {here}.",
            f"It comes with {provider.package}, which replaces the package onnxruntime.",
        )
    return list(dict.fromkeys([provider.name, PROVIDERS["cpu"].name]))


def check_used(name: str, used: list[str]) -> None:
    """Raises OptionError where a session has fallen back to another provider."""
    if PROVIDERS[name].name not in used:
        raise OptionError(
            f"The provider {name} cannot be used here: ONNX Runtime fell back to {', '.join(used)}.",
            f"It needs {PROVIDERS[name].needs}; --provider cpu needs nothing.",
        )
