"""The test cases that a definition is to report: no more and no fewer."""

import pytest

from lava_dispatcher_multinode.testshell.expected import MISSING, UNEXPECTED, Expected
from lava_dispatcher_multinode.testshell.signals import CaseResult


def test_a_definition_that_expects_nothing_takes_any_case():
    """A definition without a list accepts all cases."""
    expected = Expected()
    assert expected.judge(CaseResult("a", "pass")) == (CaseResult("a", "pass"), "")
    assert expected.missing() == []


@pytest.mark.parametrize("result", ["pass", "skip", "unknown"])
def test_a_case_that_is_not_expected_fails(result):
    """The reason contains the original result."""
    case, reason = Expected(["a"]).judge(CaseResult("b", result))
    assert case == CaseResult("b", "fail")
    assert reason == f"the definition's 'expected' does not have it; its result was '{result}'"


def test_what_a_case_has_measured_is_kept():
    """A case that fails for its name still has its measurement."""
    case, _ = Expected(["a"]).judge(CaseResult("b", "pass", 3.5, "ms"))
    assert case == CaseResult("b", "fail", 3.5, "ms")


def test_a_case_that_has_failed_needs_no_further_reason():
    """A case that failed by itself keeps its own failure; an expected case keeps its result."""
    assert Expected(["a"]).judge(CaseResult("b", "fail")) == (CaseResult("b", "fail"), "")
    assert Expected(["a"]).judge(CaseResult("a", "skip")) == (CaseResult("a", "skip"), "")


def test_what_is_missing_is_in_a_fixed_order():
    """By name; a case that is reported twice, or in another way, is not missing."""
    expected = Expected(["c", "a", "b", "d"])
    expected.judge(CaseResult("c", "fail"))
    expected.judge(CaseResult("c", "pass"))
    expected.found("d")
    expected.found("never expected")
    assert expected.missing() == ["a", "b"]


def test_a_list_that_is_read_once_is_enough():
    """The names may come from a generator."""
    expected = Expected(name for name in ("a", "b"))
    assert expected.judge(CaseResult("b", "pass")) == (CaseResult("b", "pass"), "")
    assert expected.missing() == ["a"]


def test_the_reasons_name_the_key_expected():
    """The reasons name the definition's key."""
    assert "'expected'" in MISSING
    assert "'expected'" in UNEXPECTED
