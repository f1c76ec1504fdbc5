"""The facts of a run, one by one."""

import pytest

from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.multinode.board_words import result_name
from lava_dispatcher_multinode.report.run_model import (
    ActionRecord,
    BootRecord,
    CaseRecord,
    NodeRecord,
    WaitRecord,
)


def test_call_has_the_name_of_its_result():
    """The name by which results are recorded is the one by which they are found again."""
    for api in Api:
        assert WaitRecord("n", api.value, "Is-Ready").case == result_name(Call(api, "Is-Ready"))


@pytest.mark.parametrize(
    ("started", "finished", "boot", "within"),
    [
        (1.0, 5.0, 1.0, True),
        (1.0, 5.0, 5.0, True),
        (1.0, 5.0, 0.9, False),
        (1.0, 5.0, 5.1, False),
        (1.0, None, 99.0, True),  # the action is running
        (None, None, 1.0, False),  # it was never begun
    ],
)
def test_a_boot_is_part_of_the_action_that_ran(started, finished, boot, within):
    """Its first and last moment belong to it."""
    action = ActionRecord(0, "boot_linaro_image", started=started, finished=finished)
    assert BootRecord(1, 3, boot).within(action) is within


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [(1.0, 3.5, 2.5), (0.0, 0.0, 0.0), (3.0, 2.9, 0.0), (None, 3.0, None), (1.0, None, None)],
)
def test_how_long_a_case_took(start, end, seconds):
    """The duration needs both ends, and is never negative."""
    assert CaseRecord("0_a", "c", "pass", start=start, end=end).seconds == seconds


def test_the_full_name_of_a_case():
    """With its set, if it is in one: two sets may have cases of one name."""
    assert CaseRecord("0_a", "c", "pass").full_name == "0_a c"
    assert CaseRecord("0_a", "c", "pass", set="net").full_name == "0_a net c"


def test_cases_are_counted_by_their_result():
    """Each kind by itself."""
    node = NodeRecord("n")
    for result in ("pass", "fail", "pass"):
        node.add_case(CaseRecord("0_a", "c", result))
    assert (node.count("pass"), node.count("fail"), node.count("skip")) == (2, 1, 0)


def test_a_result_is_that_of_the_call_answered_last():
    """Each call has one result; a further case is a test's own."""
    first, second = (
        WaitRecord("n", "wait", "a", answered=3.0),
        WaitRecord("n", "wait", "a", answered=5.0),
    )
    node = NodeRecord("n", unrecorded={first.case: [first, second]})
    assert node.pop_wait_of("multinode-wait-a") is second
    assert node.pop_wait_of("multinode-wait-a") is first
    assert node.pop_wait_of("multinode-wait-a") is None
    assert node.pop_wait_of("ping") is None


def test_before_its_answer_a_result_is_that_of_the_call_that_waited_longest():
    """An answered call comes before open ones."""
    late, early = WaitRecord("n", "sync", "a", asked=4.0), WaitRecord("n", "sync", "a", asked=2.0)
    answered = WaitRecord("n", "sync", "a", asked=1.0, answered=6.0)
    node = NodeRecord("n", unrecorded={late.case: [late, early, answered]})
    found = [node.pop_wait_of("multinode-sync-a") for _ in range(3)]
    assert [wait.asked for wait in found] == [1.0, 2.0, 4.0]


def test_waits_that_failed():
    """An open call has not failed; a refused one has."""
    outcomes = (None, "done", "refused", "timeout", "never")
    node = NodeRecord(
        "n", waits=[WaitRecord("n", "wait", "a", outcome=outcome) for outcome in outcomes]
    )
    assert [wait.outcome for wait in node.failed_waits] == ["refused", "timeout", "never"]
