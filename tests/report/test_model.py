"""The facts of a run, one by one."""

from lava_dispatcher_multinode.report.model import Wait
from lava_dispatcher_multinode.sync.calls import Api, Call
from lava_dispatcher_multinode.sync.relay import case_of


def test_call_has_the_name_of_its_result():
    """The name by which results are recorded is the one by which they are found again."""
    for api in Api:
        assert Wait("n", api.value, "Is-Ready").case == case_of(Call(api, "Is-Ready"))
