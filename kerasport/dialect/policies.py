"""Dtype policies that say how weights are stored: Keras 3's quantised ones; and what they do not say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kerasport.dialect.model import LayerDef, ModelDef
from kerasport.dialect.writer import Writer

_QUANTIZED = frozenset(
    ["QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "Int4DTypePolicy", "GPTQDTypePolicy", "AWQDTypePolicy"]
)
_PROJECTING = ("MultiHeadAttention", "GroupQueryAttention")
_FACTORS = ("lora_kernel_a", "lora_embeddings_a")
_DEFAULT_QUANTIZER = {"value_range": [-127, 127], "epsilon": 1e-7, "output_dtype": "int8"}


def stored(name: str, config: Mapping[str, Any], writer: Writer) -> dict[str, Any] | None:
    """What ``layers.stored.Stored`` wants to know of a quantised layer of this class; None for any other."""
    policy = config.get("dtype")
    if not isinstance(policy, Mapping) or policy.get("class_name") not in _QUANTIZED:
        return None
    settings = policy.get("config") or {}
    mode, _, block = str(settings.get("mode") or settings.get("name") or "quantised").partition("/")
    if mode == "float8":
        return {"mode": mode}
    if mode in ("gptq", "awq"):
        bits, _, group = block.partition("/")
        return {"mode": mode, "nibbles": bits == "4", "block": int(group) if group.lstrip("-").isdigit() else None}
    if mode not in ("int8", "int4"):
        return {"mode": mode}
    form = {"mode": mode, "rounds_inputs": mode == "int8" or writer.version < (3, 14, 0)}
    if mode == "int4":
        form["packs_rows"] = writer.version < (3, 14, 0)
        form["block"] = int(block) if block.isdigit() and int(block) else None
    quantization = config.get("quantization_config")
    if isinstance(quantization, Mapping):
        form |= _configured(quantization.get("config") or {})
    if form.get("block") and form["rounds_inputs"]:  # which the other layers forget in this case
        form |= {"mode": "int4 with rounded inputs"} if name == "ReversibleEmbedding" else {"rounds_inputs": False}
    return form


def _configured(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the layer's own QuantizationConfig says, from Keras 3.13 on."""
    quantizer = config.get("activation_quantizer")
    form: dict[str, Any] = {"rounds_inputs": quantizer is not None}
    if quantizer is not None:
        settings = dict(quantizer.get("config") or {})
        settings.pop("axis", None)
        if quantizer.get("class_name") != "AbsMaxQuantizer" or settings != _DEFAULT_QUANTIZER:
            form["mode"] = f"with the quantizer {str(quantizer)[:80]}"
    return form


def with_hidden_forms(model: ModelDef, writer: Writer) -> Iterator[ModelDef]:
    """The model with the projections of its attention layers quantised, in each form.

    ``model.quantize()`` changes them without a trace in the config, so that Keras cannot read its own file.
    """
    if writer.version < (3, 3, 0) or not any(map(_has_projections, model.layers)):
        return
    early = writer.version < (3, 14, 0)
    yield _quantised(model, {"mode": "int8", "rounds_inputs": True})
    yield _quantised(model, {"mode": "int4", "rounds_inputs": early, "packs_rows": early})
    yield _quantised(model, {"mode": "int4", "block": -1})
    yield _quantised(model, {"mode": "float8"})
    if writer.version >= (3, 10, 0):
        for mode, nibbles in (("gptq", True), ("gptq", False), ("awq", True)):
            yield _quantised(model, {"mode": mode, "nibbles": nibbles, "block": -1})


def _has_projections(layer: LayerDef) -> bool:
    return layer.class_name in _PROJECTING or (
        layer.model is not None and any(map(_has_projections, layer.model.layers))
    )


def _quantised(model: ModelDef, form: dict[str, Any]) -> ModelDef:
    layers = []
    for layer in model.layers:
        config = {**layer.config, "stored": form} if layer.class_name in _PROJECTING else layer.config
        inner = _quantised(layer.model, form) if layer.model is not None else None
        layers.append(replace(layer, config=config, model=inner))
    return replace(model, layers=tuple(layers))


def with_low_rank(model: ModelDef, shapes: Callable[[str], Mapping[str, tuple[int, ...]]]) -> ModelDef:
    """The model with the rank of low-rank factors, of which Keras 3.0 says nothing but the names of weights.

    Args:
        model: In canonical form.
        shapes: The shapes of a top-level layer's stored weights, by layer name.
    """
    layers = []
    for layer in model.layers:
        factors = [shape for name, shape in shapes(layer.name).items() if name.rpartition("/")[2] in _FACTORS]
        hidden = factors and layer.model is None and not layer.config.get("lora_rank")
        layers.append(replace(layer, config={**layer.config, "lora_rank": factors[0][-1]}) if hidden else layer)
    return replace(model, layers=tuple(layers))
