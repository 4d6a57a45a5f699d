"""Results of comparisons as they may come, without comparing anything."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from kerasport.validation import LayerError, Tolerance, TrialInput, Validation, Witness

# What a stranger may call a layer.
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b|c",
    "`tick` ``two``",
    "a\\|b",
    '"quoted" & <b>bold</b> \'',
    "escape\x1b[31m and\x00null",
    "lone\ud800surrogate",
    "turned\u202eround",
    "new\nline\r\n# title",
    "@everyone #1 _under_ *star* ~~gone~~ ![x](y) https://example.com",
    "]]><!-- --></details></svg></style>",
    "",
    "long" * 2000,
    "卷积/層é",
)


def layer(
    index: int, roundings: float = 0.5, name: str = "", allowed: float | None = 32.0, **more: object
) -> LayerError:
    """A layer whose error is so many roundings."""
    passed = allowed is None or roundings <= allowed
    values = {
        "max_abs": roundings * 1e-7,
        "max_rel": roundings * 6e-8,
        "mean_abs": roundings * 1e-8,
        "passed": passed,
        "mean_rel": roundings * 6e-9,
        "roundings": roundings if allowed else 0.0,
        "just_passes": roundings * 3e-8,
        "worst": (0, 1, 2, index % 7),
        "actual": 0.25,
        "expected": 0.25 + roundings * 1e-7,
        "chained": (index + 1) ** 0.5 * 1e-7,
        "channels": 16,
        **more,
    }
    return LayerError(name or f"block_{index // 5}/conv_{index}", "Conv2D", (3, 8, 8, 16), allowed=allowed, **values)  # type: ignore[arg-type]


def output(name: str = "predictions") -> LayerError:
    """An output that agrees."""
    return replace(layer(0, 2.0, name, None, chained=None, channels=0), class_name="output")


def validation(*layers: LayerError, **more: object) -> Validation:
    """A comparison of these layers, in one trial."""
    trial = TrialInput("generated", 0, {"image": (3, 8, 8, 3)})
    values = {"outputs": (output(),), "tolerance": Tolerance(), "trials": (trial,), **more}
    return Validation(layers, **values)  # type: ignore[arg-type]


def many(count: int) -> Validation:
    """A deep model that agrees: convolutions whose errors differ, and activations that are exact."""
    errors = [0.0 if i % 3 == 2 else 0.2 + 7.0 * ((i * 7919) % 97 / 97) ** 4 for i in range(count)]
    return validation(*(layer(i, error, dead=2 if i % 11 == 3 else 0) for i, error in enumerate(errors)))


def wrong(count: int = 12) -> Validation:
    """A model with a layer that is wrong, one that gives NaN, one that float32 has no digits for, and a witness."""
    layers = [layer(i, 0.3 * (i + 1)) for i in range(count)]
    layers[3] = layer(3, 81_234.0, folded=("bn_3", "pad_3"))
    layers[5] = layer(
        5, inf, max_abs=inf, max_rel=inf, mean_abs=inf, detail="NaN or infinity in one and not in the other"
    )
    layers[7] = layer(7, 30.0, detail="float32 has no more digits here: the reference's own error in it is as large")
    witness = Witness(
        layers[3].name,
        "translation",
        "onnx's reference evaluator sides with ONNX Runtime: our translation stands alone.",
    )
    return validation(*layers, witnesses=(witness,))


def hostile() -> Validation:
    """A model whose names are attacks; some layers are wrong."""
    return validation(*(layer(i, 50.0 if i % 3 == 0 else 1.0, name or " ") for i, name in enumerate(HOSTILE)))
