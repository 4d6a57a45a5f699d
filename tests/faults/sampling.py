"""Which faults are tried: balanced over kinds and goldens, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from random import Random

from tests.faults import meanings, nodes, weights  # noqa: F401 (they register their kinds)
from tests.faults.fault import KINDS, Fault
from tests.faults.subject import Subject
from tests.goldens import NEVER, Golden, goldens

FAMILIES = (
    *("models", "activation", "conv", "pooling", "normalization", "recurrent", "merge", "attention", "core"),
    *("resampling", "masks", "wrappers", "conv_lstm", "transfer", "norm_more", "keras2_early", "old"),
    *("keras1_models", "keras1_conv", "keras1_recurrent", "keras1_merge", "keras1_core", "keras1_spatial"),
)
# An epsilon of mixed precision, an overflow by intent: half precision hides faults that single precision shows.
_LEFT_OUT = ("mixed_precision", "large_values", "activation_large", "policies_of_layers")


def chosen(seed: int, patterns: Collection[str] = FAMILIES) -> list[Golden]:
    """One era of every case that matches, ``family`` or ``family/case``, drawn by the seed."""
    rng = Random(f"goldens {seed}")
    eras: dict[tuple[str, str], list[Golden]] = {}
    for pattern in patterns:
        family, _, case = pattern.partition("/")
        for golden in goldens(family, case or "*"):
            if golden.opset != NEVER and golden.case not in _LEFT_OUT and "float16" not in golden.case:
                eras.setdefault((golden.family, golden.case), []).append(golden)
    return [rng.choice(found) for found in eras.values()]


def listed(subject: Subject, seed: int, kinds: Collection[str]) -> list[Fault]:
    """All faults of these kinds that can be made in a golden."""
    return [Fault(subject.name, kind, site, seed) for kind in kinds for site in KINDS[kind](subject)]


def drawn(places: Mapping[str, Mapping[str, int]], count: int, seed: int) -> dict[str, list[tuple[str, int]]]:
    """Draws distinct faults, turn by turn of the kinds, each from the goldens that have given the fewest.

    Args:
        places: By kind, then by golden: how many faults there are.
        count: How many to draw.
        seed: Of the drawing.

    Returns:
        By golden: the kinds, and which of the golden's faults of that kind.
    """
    rng = Random(f"faults {seed}")
    left = {
        kind: {golden: rng.sample(range(n), n) for golden, n in of.items() if n} for kind, of in sorted(places.items())
    }
    used: Counter[str] = Counter()
    found: dict[str, list[tuple[str, int]]] = {}
    total = 0
    while total < count and any(left.values()):
        for kind, of in left.items():
            if not of or total >= count:
                continue
            fewest = min(used[golden] for golden in of)
            golden = rng.choice([golden for golden in of if used[golden] == fewest])
            found.setdefault(golden, []).append((kind, of[golden].pop()))
            if not of[golden]:
                del of[golden]
            used[golden] += 1
            total += 1
    return found
