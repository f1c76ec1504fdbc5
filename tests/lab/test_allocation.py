"""Allocation: exact, deterministic, and clear about why not."""

from __future__ import annotations

import inspect
import sys
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import BoardsUnavailable, ExitCode
from lava_dispatcher_multinode.job.model import Job, Role
from lava_dispatcher_multinode.lab.allocation import (
    BoardsBusy,
    BoardsMissing,
    Requirement,
    assign,
    natural,
    requirements,
)
from lava_dispatcher_multinode.lab.device_model import Device

TAGS = st.frozensets(st.sampled_from(["a", "b", "c"]))
TYPES = st.sampled_from(["panda", "beaglexm"])


@st.composite
def cases(draw):
    """Return requirements, devices and who holds some of them."""
    count = draw(st.integers(0, 5))
    devices = [Device(f"d{i}", draw(TYPES), draw(TAGS)) for i in range(count)]
    needed = []
    for role in range(draw(st.integers(0, 4))):
        name = draw(st.none() | st.sampled_from([f"d{i}" for i in range(6)]))
        kind = draw(TYPES) if name is None else draw(st.none() | TYPES)
        size = 1 if name else draw(st.integers(1, 2))
        tags = draw(TAGS)
        needed += [Requirement(f"r{role}", i, kind, name, tags) for i in range(size)]
    held = draw(st.sets(st.sampled_from([d.name for d in devices]))) if devices else set()
    return needed, devices, dict.fromkeys(held, "somebody")


def possible(needed, devices):
    """Say by trying everything whether there is an assignment."""
    return any(
        all(r.accepts(d) for r, d in zip(needed, chosen, strict=True))
        for chosen in permutations(devices, len(needed))
    )


@given(cases())
def test_agrees_with_brute_force(case):
    """An assignment is found exactly when one exists, and the kind of failure is right."""
    needed, devices, held = case
    free = [device for device in devices if device.name not in held]
    blamed = frozenset()
    try:
        found = assign(needed, devices, held)
    except BoardsMissing:
        assert not possible(needed, devices)
    except BoardsBusy as busy:
        assert possible(needed, devices)
        assert not possible(needed, free)
        blamed = busy.devices
    else:
        assert list(found) == needed
        assert len({device.name for device in found.values()}) == len(needed)
        assert all(r.accepts(d) and d in free for r, d in found.items())
    assert blamed <= set(held)


@given(cases())
def test_busy_names_the_boards_whose_release_helps(case):
    """Releasing anything but the named boards does not help, so nothing else is waited for."""
    needed, devices, held = case
    try:
        assign(needed, devices, held)
    except BoardsBusy as busy:
        without_these = [d for d in devices if d.name not in busy.devices]
        assert not possible(needed, without_these)
    except BoardsMissing:
        pass


@given(cases(), st.randoms(use_true_random=False))
def test_order_of_devices_makes_no_difference(case, random):
    """The same lab read in another order gives the same assignment."""
    needed, devices, held = case
    shuffled = random.sample(devices, len(devices))

    def outcome(given):
        try:
            return assign(needed, given, held)
        except BoardsUnavailable as error:
            return str(error)

    assert outcome(devices) == outcome(shuffled)


def test_any_panda_leaves_the_tagged_one(make_device):
    """A role that takes any panda must not take the only one that another role can use."""
    devices = [make_device("panda01", tags=["hdmi"]), make_device("panda02")]
    anyone = Requirement("any", 0, "panda")
    special = Requirement("special", 0, "panda", tags=frozenset({"hdmi"}))
    found = assign([anyone, special], devices)
    assert {r.role: d.name for r, d in found.items()} == {"any": "panda02", "special": "panda01"}


def test_nodes_of_a_role_get_boards_in_the_order_of_their_names(make_device):
    """A user finds panda01 first, and panda10 after panda9."""
    devices = [make_device(name) for name in ("panda10", "panda9", "panda2")]
    needed = [Requirement("r", index, "panda") for index in range(3)]
    assert [d.name for d in assign(needed, devices).values()] == ["panda2", "panda9", "panda10"]


@pytest.fixture
def shallow():
    """Leave room for a hundred calls within calls."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    yield
    sys.setrecursionlimit(before)


def test_long_chains_need_no_deep_recursion(shallow):
    """Hundreds of nodes, each of which has to move over for the last, are no problem."""
    size = 300
    devices = [Device(f"d{i:04}", "panda", frozenset({f"t{i}", f"t{i + 1}"})) for i in range(size)]
    needed = [Requirement("r", i, "panda", tags=frozenset({f"t{i + 1}"})) for i in range(size)]
    needed.append(Requirement("first", 0, "panda", tags=frozenset({"t0"})))
    with pytest.raises(BoardsMissing):
        assign(needed, devices)
    assert len(assign(needed[:-1], devices)) == size


def test_missing_boards_say_which_requirement_fails_and_what_there_is(make_device):
    """The message has role, number, type and tags, what there is, and what lacks what."""
    devices = [make_device("panda01", tags=["mytag1"]), make_device("panda02")]
    tags = frozenset({"mytag1"})
    with pytest.raises(BoardsMissing) as caught:
        assign([Requirement("omap4", i, "panda", tags=tags) for i in range(2)], devices)
    assert str(caught.value) == (
        "not enough boards: role omap4 needs 2 panda with tags {mytag1}; "
        "there is 1: panda01 (panda02 lacks mytag1)"
    )
    assert caught.value.exit_code is ExitCode.NO_BOARDS


def test_two_roles_that_compete_are_named_together(make_device):
    """Neither role alone fails, so neither alone is to blame."""
    needed = [Requirement("a", 0, "panda"), Requirement("b", 0, "panda")]
    with pytest.raises(
        BoardsMissing, match=r"role b needs 1 panda.*there is 1: panda01"
    ) as caught:
        assign(needed, [make_device("panda01")])
    assert "role a needs 1 panda" in str(caught.value)


def test_unknown_device_has_a_hint(make_device):
    """A typing error in a device's name is pointed at."""
    with pytest.raises(BoardsMissing, match=r"the device panda1;.*did you mean panda01\?"):
        assign([Requirement("a", 0, device="panda1")], [make_device("panda01")])


def test_named_device_of_another_type_is_explained(make_device):
    """The device exists, but is not what the role says."""
    with pytest.raises(BoardsMissing, match="panda01 is a panda"):
        assign([Requirement("a", 0, "beaglexm", "panda01")], [make_device("panda01")])


@pytest.mark.parametrize(
    ("requirement", "hint"),
    [
        (Requirement("r", 0, "panda", "panda2", frozenset("a")), "(panda2 lacks a)"),
        (Requirement("r", 0, None, "panda2", frozenset("a")), "(panda2 lacks a)"),
        (Requirement("r", 0, "beaglexm", "panda1"), "(panda1 is a panda)"),
        (Requirement("r", 0, "beaglexm", "panda2", frozenset("a")), "(panda2 is a panda)"),
        (
            Requirement("r", 0, "panda", tags=frozenset("bc")),
            "(panda1 lacks b, c; panda2 lacks b, c)",
        ),
        (
            Requirement("r", 0, tags=frozenset("ab")),
            "(b1 lacks a; panda1 lacks b; panda2 lacks a, b)",
        ),
        (Requirement("r", 0, "toaster"), "there are none"),
        (Requirement("r", 0, "panda", "xyz"), "there are none"),
    ],
)
def test_near_misses(make_device, requirement, hint):
    """Only a board that would do but for one thing is named, with that thing."""
    tags = {"panda1": "a", "panda2": "", "b1": "b"}
    devices = [
        make_device(name, "beaglexm" if name == "b1" else "panda", tags=list(tagged))
        for name, tagged in tags.items()
    ]
    with pytest.raises(BoardsMissing) as caught:
        assign([requirement], devices)
    assert str(caught.value).endswith(hint)


def test_what_is_needed_is_told_with_all_that_it_depends_on(make_device):
    """A named device, its type and its tags; and all boards that there are for it."""
    devices = [make_device("panda1"), make_device("panda2")]
    needed = [Requirement("r", i, "panda") for i in range(3)]
    with pytest.raises(BoardsMissing, match=r"role r needs 3 panda; there are 2: panda1, panda2$"):
        assign(needed, devices)
    named = Requirement("s", 0, "beaglexm", "panda1", frozenset("ba"))
    with pytest.raises(BoardsMissing) as caught:
        assign([named], devices)
    assert "needs the device panda1 as a beaglexm with tags {a, b}; there are none" in str(
        caught.value
    )
    with pytest.raises(BoardsMissing, match="needs 1 boards with tags {a};"):
        assign([Requirement("t", 0, tags=frozenset("a"))], devices)


def test_busy_boards_say_who_holds_them(make_device):
    """Enough boards exist, so the message says whom to ask; unrelated holders are left out."""
    devices = [make_device("panda01"), make_device("panda02"), make_device("b01", "beaglexm")]
    held = {"panda02": "ann@host pid 7, job 'x'", "b01": "bob"}
    with pytest.raises(BoardsBusy) as caught:
        assign([Requirement("r", i, "panda") for i in range(2)], devices, held)
    assert str(caught.value) == (
        "boards are busy: role r needs 2 panda; there is 1 free: panda01; "
        "panda02 is held by ann@host pid 7, job 'x'"
    )
    assert caught.value.devices == {"panda02"}


def test_requirements_of_a_job_are_one_for_each_node():
    """Counts become nodes, role by role."""
    roles = (Role("a", 2, "panda", tags=frozenset({"t"})), Role("b", device="x01"))
    assert requirements(Job("j", 1, roles, ())) == [
        Requirement("a", 0, "panda", None, frozenset({"t"})),
        Requirement("a", 1, "panda", None, frozenset({"t"})),
        Requirement("b", 0, None, "x01"),
    ]


@given(st.lists(st.text("a9-0", max_size=6)))
def test_natural_order_is_total(names):
    """Any names can be compared, also those that begin with digits, and no two are alike."""
    ordered = sorted(names, key=natural)
    backwards = list(reversed(ordered))
    assert sorted(backwards, key=natural) == ordered
    assert len({str(natural(name)) for name in names}) == len(set(names))


@given(st.text("ab-", max_size=3), st.integers(0, 1000), st.integers(0, 1000), st.text("ab-"))
def test_natural_order_counts(before, one, other, after):
    """A number within a name is compared as a number."""
    names = [f"{before}{number}{after}" for number in (one, other)]
    assert sorted(names, key=natural) == (names if one <= other else names[::-1])
