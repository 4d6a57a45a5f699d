"""Properties of the layout rules, against NumPy's transpose and broadcasting."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kerasport.export.layout import (
    Perm,
    Tensor,
    alignment,
    channels_first_perm,
    common_perm,
    identity_perm,
    inverse,
    moves_only_ones,
    order_between,
    reshaping,
)
from kerasport.layers.base import TensorType

RANKS = st.integers(1, 5)
PERMS = RANKS.flatmap(lambda rank: st.permutations(range(rank)).map(tuple))


def several(count: int) -> st.SearchStrategy[list[Perm]]:
    """Orders of one rank."""
    return RANKS.flatmap(lambda rank: st.lists(st.permutations(range(rank)).map(tuple), min_size=1, max_size=count))


@st.composite
def shaped(draw: st.DrawFn, orders: int = 1) -> tuple[tuple[int, ...], list[Perm]]:
    """A small shape, with ones more often than not, and orders of its axes."""
    shape = tuple(draw(st.lists(st.sampled_from([1, 1, 2, 3]), min_size=1, max_size=5)))
    return shape, [tuple(draw(st.permutations(range(len(shape))))) for _ in range(orders)]


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape)


@given(shaped(orders=2))
def test_arranging_gives_what_numpy_gives_from_the_logical_order(case: tuple[tuple[int, ...], list[Perm]]) -> None:
    shape, (stored, wanted) = case
    logical = numbered(shape)
    arranged = logical.transpose(stored).transpose(order_between(stored, wanted))
    np.testing.assert_array_equal(arranged, logical.transpose(wanted))


@given(shaped(orders=2))
def test_arranging_there_and_back_is_the_identity(case: tuple[tuple[int, ...], list[Perm]]) -> None:
    _, (a, b) = case
    order = order_between(a, b)
    assert order_between(b, a) == inverse(order)
    assert inverse(inverse(order)) == order
    assert tuple(order[i] for i in inverse(order)) == identity_perm(len(a)) == order_between(a, a)


@given(shaped(orders=3))
def test_two_steps_are_one(case: tuple[tuple[int, ...], list[Perm]]) -> None:
    _, (a, b, c) = case
    first, second = order_between(a, b), order_between(b, c)
    assert tuple(first[i] for i in second) == order_between(a, c)


@given(shaped(orders=2))
def test_where_only_ones_move_the_elements_stay(case: tuple[tuple[int, ...], list[Perm]]) -> None:
    shape, (stored, wanted) = case
    before, after = (numbered(shape).transpose(perm) for perm in (stored, wanted))
    assert moves_only_ones(shape, stored, wanted) == np.array_equal(before.ravel(), after.ravel())


@given(PERMS)
def test_unknown_dimensions_count_as_long(perm: Perm) -> None:
    assert moves_only_ones((None,) * len(perm), perm, identity_perm(len(perm))) == (perm == identity_perm(len(perm)))


@given(shaped(), st.data())
def test_aligned_arrays_broadcast_as_in_the_logical_order(
    case: tuple[tuple[int, ...], list[Perm]], data: st.DataObject
) -> None:
    shape, (stored,) = case
    rank = len(shape)
    axes = data.draw(st.lists(st.sampled_from(range(rank)), unique=True))
    array = numbered(tuple(shape[axis] for axis in axes))
    by_axis = array.transpose(np.argsort(axes)).reshape([shape[axis] if axis in axes else 1 for axis in range(rank)])
    signed = [axis - rank if data.draw(st.booleans()) else axis for axis in axes]
    order, aligned = alignment(signed, array.shape, stored)
    value = numbered(shape)
    result = value.transpose(stored) + array.transpose(order).reshape(aligned)
    np.testing.assert_array_equal(result, (value + by_axis).transpose(stored))
    assert len(aligned) <= rank


@given(several(5), st.data())
def test_values_meet_where_the_fewest_move(perms: list[Perm], data: st.DataObject) -> None:
    present, wanted = perms[: (count := data.draw(st.integers(1, len(perms))))], perms[count:]
    common = common_perm(present, wanted)
    assert common in present
    moves = {perm: sum(perm != other for other in perms) for perm in present}
    assert moves[common] == min(moves.values())
    if len(set(present)) == 1:
        assert common == present[0]


@given(PERMS)
def test_a_tensor_finds_its_axes(perm: Perm) -> None:
    tensor = Tensor("x", TensorType((None,) * len(perm)), perm)
    assert [perm[tensor.stored_axis(axis)] for axis in range(len(perm))] == list(range(len(perm)))
    assert all(tensor.stored_axis(axis) == tensor.stored_axis(axis - len(perm)) for axis in perm)
    assert tensor.is_logical == (perm == identity_perm(len(perm)))


@given(st.integers(3, 6))
def test_channels_come_second_and_space_keeps_its_order(rank: int) -> None:
    value = numbered(tuple(range(2, 2 + rank)))
    np.testing.assert_array_equal(value.transpose(channels_first_perm(rank)), np.moveaxis(value, -1, 1))


@given(shaped(orders=2))
def test_a_reshape_in_place_of_a_transpose_gives_the_same(case: tuple[tuple[int, ...], list[Perm]]) -> None:
    shape, (stored, wanted) = case
    sizes = reshaping(shape, stored, wanted)
    if sizes is None:
        assert not moves_only_ones(shape, stored, wanted)
        return
    before = numbered(shape).transpose(stored)
    copied = [before.shape[place] if size == 0 else size for place, size in enumerate(sizes)]
    np.testing.assert_array_equal(before.reshape(copied), numbered(shape).transpose(wanted))
