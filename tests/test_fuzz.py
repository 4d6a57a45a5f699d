"""A few of the cases of ``make fuzz``."""

from __future__ import annotations

from tests.fuzz.__main__ import cases


def test_mutated_files_end_in_a_documented_way() -> None:
    found = list(cases(range(3000, 3080), seed=1))
    assert len(found) == 80
    assert [case for case in found if case["fault"]] == []
