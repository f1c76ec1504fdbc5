"""Allocation: exact, deterministic, and with a reason for each failure."""

from __future__ import annotations

import inspect
import sys
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import BoardsUnavailable, ExitCode, InvalidJob, Problem
from lava_dispatcher_multinode.job.model import Job, Role
from lava_dispatcher_multinode.lab.allocation import (
    BoardsBusy,
    BoardsMissing,
    Requirement,
    assign,
    check_capacity,
    natural_key,
    requirements,
)
from lava_dispatcher_multinode.lab.device_files import InvalidDevice, Lab
from lava_dispatcher_multinode.lab.device_model import Device

TAGS = st.frozensets(st.sampled_from(["a", "b", "c"]))
TYPES = st.sampled_from(["panda", "beaglexm"])


@st.composite
def cases(draw):
    """Return requirements, devices, and the holders of some devices."""
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
    return needed, devices, dict.fromkeys(held, "another user")


def possible(needed, devices):
    """Return whether an assignment exists, by trying all."""
    return any(
        all(r.accepts(d) for r, d in zip(needed, chosen, strict=True))
        for chosen in permutations(devices, len(needed))
    )


@given(cases())
def test_agrees_with_brute_force(case):
    """An assignment is found if and only if one exists, and the kind of failure is right."""
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
    """Only the release of a named board helps, so the wait is for these boards."""
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
    """panda01 is first, and panda10 follows panda9."""
    devices = [make_device(name) for name in ("panda10", "panda9", "panda2")]
    needed = [Requirement("r", index, "panda") for index in range(3)]
    assert [d.name for d in assign(needed, devices).values()] == ["panda2", "panda9", "panda10"]


@pytest.fixture
def shallow():
    """Limit the stack to a hundred nested calls."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    yield
    sys.setrecursionlimit(before)


def test_long_chains_need_no_deep_recursion(shallow):
    """Hundreds of nodes may be reassigned for the last one."""
    size = 300
    devices = [Device(f"d{i:04}", "panda", frozenset({f"t{i}", f"t{i + 1}"})) for i in range(size)]
    needed = [Requirement("r", i, "panda", tags=frozenset({f"t{i + 1}"})) for i in range(size)]
    needed.append(Requirement("first", 0, "panda", tags=frozenset({"t0"})))
    with pytest.raises(BoardsMissing):
        assign(needed, devices)
    assert len(assign(needed[:-1], devices)) == size


def test_missing_boards_name_the_requirement_and_the_devices(make_device):
    """The error has role, number, type and tags, the devices, and what each lacks."""
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
    """Neither role fails alone, so the error names both."""
    needed = [Requirement("a", 0, "panda"), Requirement("b", 0, "panda")]
    with pytest.raises(
        BoardsMissing, match=r"role b needs 1 panda.*there is 1: panda01"
    ) as caught:
        assign(needed, [make_device("panda01")])
    assert "role a needs 1 panda" in str(caught.value)


def test_unknown_device_has_a_hint(make_device):
    """The hint corrects a misspelt device name."""
    with pytest.raises(BoardsMissing, match=r"the device panda1;.*did you mean panda01\?"):
        assign([Requirement("a", 0, device="panda1")], [make_device("panda01")])


def test_named_device_of_another_type_is_explained(make_device):
    """The device exists, with another type than that of the role."""
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
    """The error names boards that fail one condition only, with that condition."""
    tags = {"panda1": "a", "panda2": "", "b1": "b"}
    devices = [
        make_device(name, "beaglexm" if name == "b1" else "panda", tags=list(tagged))
        for name, tagged in tags.items()
    ]
    with pytest.raises(BoardsMissing) as caught:
        assign([requirement], devices)
    assert str(caught.value).endswith(hint)


def test_the_error_has_the_whole_requirement(make_device):
    """It has the named device, its type and tags, and the boards that exist."""
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


def test_busy_boards_are_named_with_their_holders(make_device):
    """The error names the holders of the boards that matter, and no others."""
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
    """All names are comparable, also those that begin with digits, and no two keys are equal."""
    ordered = sorted(names, key=natural_key)
    backwards = list(reversed(ordered))
    assert sorted(backwards, key=natural_key) == ordered
    assert len({str(natural_key(name)) for name in names}) == len(set(names))


@given(st.text("ab-", max_size=3), st.integers(0, 1000), st.integers(0, 1000), st.text("ab-"))
def test_natural_order_counts(before, one, other, after):
    """Numbers in names are compared as numbers."""
    names = [f"{before}{number}{after}" for number in (one, other)]
    assert sorted(names, key=natural_key) == (names if one <= other else names[::-1])


BAD = InvalidJob([Problem("p2.yaml", 3, 1, "unknown key")])
PANDAS = [Requirement("r", 0, "panda"), Requirement("r", 1, "panda")]


def test_enough_boards_are_enough(make_device):
    """Invalid files do not matter to a job that does not need them."""
    lab = Lab((make_device("p1"), make_device("p3")), {"p2": InvalidDevice(BAD, "panda")})
    check_capacity(lab, PANDAS)


def test_an_invalid_file_that_is_the_reason_is_the_error(make_device):
    """The user corrects the file instead of adding a board."""
    lab = Lab((make_device("p1"),), {"p2": InvalidDevice(BAD, "panda")})
    with pytest.raises(InvalidJob, match=r"p2\.yaml:3:1: unknown key"):
        check_capacity(lab, PANDAS)


def test_an_invalid_file_that_may_be_the_reason_follows_the_shortage(make_device):
    """The shortage comes first, then the file of unknown type."""
    lab = Lab((make_device("p1"),), {"p2": InvalidDevice(BAD, None)})
    with pytest.raises(BoardsMissing, match=r"(?s)role r needs 2 .*p2\.yaml:3:1: unknown key"):
        check_capacity(lab, PANDAS)


def test_a_lab_of_invalid_files_is_not_empty():
    """The error is that of the file, not the advice to write a first one."""
    with pytest.raises(BoardsMissing, match=r"(?s)role r needs 2 .*p2\.yaml:3:1: unknown key"):
        check_capacity(Lab((), {"p2": InvalidDevice(BAD, None)}), PANDAS)


def test_an_invalid_file_of_another_type_is_not_the_reason(make_device):
    """The error names the missing boards only."""
    lab = Lab((make_device("p1"),), {"p2": InvalidDevice(BAD, "beaglexm")})
    with pytest.raises(BoardsMissing, match="role r needs 2 panda"):
        check_capacity(lab, PANDAS)


def test_a_named_device_with_an_invalid_file(make_device):
    """The error is that of this file only."""
    lab = Lab(
        (make_device("p1"),), {"p2": InvalidDevice(BAD), "p3": InvalidDevice(InvalidJob([]))}
    )
    with pytest.raises(InvalidJob, match="unknown key"):
        check_capacity(lab, [Requirement("r", 0, device="p2")])
    with pytest.raises(BoardsMissing):
        check_capacity(lab, [Requirement("r", 0, device="p4")])


def test_a_lab_without_devices_has_a_hint():
    """The error tells a new user what to do."""
    lab = Lab((), {}, (Path("/package"), Path("/etc/x")))
    with pytest.raises(BoardsUnavailable) as caught:
        check_capacity(lab, PANDAS)
    for text in ("/etc/x/devices", "lava-multinode init", "--simulate"):
        assert text in str(caught.value)
