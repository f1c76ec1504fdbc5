"""The data model of a job."""

from lava_dispatcher_multinode.job.model import ActionSpec, Job, Position, Role


def test_actions_of_a_role_keep_the_order_of_the_file():
    """An action without a role is for all roles; the order is the file's."""
    actions = (
        ActionSpec("a"), ActionSpec("b", roles=frozenset({"x"})),
        ActionSpec("c", roles=frozenset({"y"})), ActionSpec("d"),
    )  # fmt: skip
    job = Job("j", 1.0, (Role("x", count=2), Role("y")), actions)
    assert [action.command for action in job.actions_of("x")] == ["a", "b", "d"]
    assert [action.command for action in job.actions_of("y")] == ["a", "c", "d"]
    assert job.size == 3


def test_position_of_a_parameter_or_what_is_around_it():
    """A message about a missing parameter points at the nearest enclosing value."""
    at, inner = Position("f", 1, 1), Position("f", 2, 2)
    spec = ActionSpec("a", positions={(): at, ("p",): inner})
    assert spec.position("p", 0, "q") == inner
    assert spec.position("q") == at
    assert ActionSpec("a").position("q") == Position("")
