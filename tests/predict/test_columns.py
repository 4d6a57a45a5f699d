"""Which columns of a table feed which input, and how a misfit is explained."""

from __future__ import annotations

import pytest

from kerasport.errors import InputError
from kerasport.prediction.formats.columns import Header, assign
from tests.predict.reading import port

ABC = Header("t.csv", ("id", "a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("chosen", "keep", "expected"),
    [
        ({"": ("a", "b")}, (), (1, 2)),
        ({"": ("b", "a")}, (), (2, 1)),
        ({"": ("c:d",)}, (), (3, 4)),
        ({"x": ("d", "a")}, ("id",), (4, 1)),
        ({}, ("id", "c", "d"), (1, 2)),
    ],
)
def test_columns_are_chosen_listed_and_left(
    chosen: dict[str, tuple[str, ...]], keep: tuple[str, ...], expected: tuple[int, ...]
) -> None:
    assert assign([port("x", 2)], ABC, chosen, keep).inputs == {"x": expected}


def test_kept_columns_are_in_the_order_in_which_they_are_named() -> None:
    assert list(assign([port("x", 2)], ABC, {"": ("a", "b")}, ("d", "id")).kept.items()) == [("d", 4), ("id", 0)]


def test_inputs_take_the_columns_of_their_names_first() -> None:
    header = Header("t", ("b_1", "a", "b_0", "rest", "b_2"))
    ports = [port("a"), port("b", 3)]
    assert assign(ports, header, {}, ()).inputs == {"a": (1,), "b": (2, 0, 4)}
    assert assign([*ports, port("c", 1)], header, {}, ()).inputs["c"] == (3,)


def test_a_column_of_lists_is_a_whole_row() -> None:
    header = Header("t", ("id", "features"), frozenset({1}))
    assert assign([port("x", 10)], header, {}, ("id",)).inputs == {"x": (1,)}
    assert assign([port("x", 10)], header, {"": ("features",)}, ()).inputs == {"x": (1,)}
    with pytest.raises(InputError, match="of which features hold lists"):
        assign([port("x", 10)], header, {}, ())


@pytest.mark.parametrize("shape", [(2, 2), (None,), (None, 2)])
def test_columns_fill_inputs_of_any_shape(shape: tuple[int | None, ...]) -> None:
    assert assign([port("x", *shape)], ABC, {}, ("id",)).inputs == {"x": (1, 2, 3, 4)}


WRONG = {
    "unknown": (("x",), {"": ("aa", "b")}, (), "no column 'aa'; it has id, a, b, c, d. Did you mean 'a'?"),
    "unknown kept": (("x",), {"": ("a", "b")}, ("idd",), "no column 'idd'; it has id, a, b, c, d. Did you mean 'id'?"),
    "too many": (
        ("x",),
        {},
        ("id",),
        "takes 2 columns a row; t.csv gives it 4: a, b, c, d. Choose them with --columns",
    ),
    "too few": (("x",), {"": ("a",)}, (), "takes 2 columns a row; t.csv gives it 1: a."),
    "which input": (("x", "y"), {"": ("a", "b")}, (), "Say which input takes these columns: --columns x=a,b,c."),
    "nothing for one": (("x", "ad", "e"), {"x": ("a", "b")}, (), "no column for the inputs ad, e; 3 of its 5 columns"),
    "all used": (("x", "y"), {"x": ("a:d",)}, ("id",), "no column for the input y; all are used"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_misfits_are_explained(wrong: str) -> None:
    names, chosen, keep, message = WRONG[wrong]
    with pytest.raises(InputError) as caught:
        assign([port(name, 2) for name in names], ABC, chosen, keep)
    assert message in str(caught.value)


def test_long_lists_of_columns_are_cut() -> None:
    with pytest.raises(InputError, match=r"gives it 784: p0, p1, p2, p3, p4, p5, p6, p7 \.\.\. \(784 in all\)"):
        assign([port("x", 10)], Header("t", tuple(f"p{place}" for place in range(784))), {}, ())


def test_a_name_that_is_there_twice_is_refused_where_it_is_wanted() -> None:
    header = Header("t", ("a", "a", "b"))
    with pytest.raises(InputError, match="2 columns 'a'"):
        assign([port("x", 2)], header, {"": ("a", "b")}, ())
    assert assign([port("x", 3)], header, {}, ()).inputs == {"x": (0, 1, 2)}
