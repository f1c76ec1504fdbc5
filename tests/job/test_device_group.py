"""Jobs with several devices."""

import pytest

from lava_dispatcher_multinode.job.model import Position, Role


def group(*entries, **more):
    """Return a job of these entries with one action."""
    return {"timeout": 60, "actions": [{"command": "boot_linaro_image"}],
            "device_group": list(entries), **more}  # fmt: skip


def test_the_users_own_job(read, seed):
    """The first user's job: three nodes, each role with its own image."""
    job, warnings = read(seed)
    assert warnings == []
    assert (job.name, job.timeout, job.logging_level) == ("simple multinode job", 18000, "INFO")
    assert job.roles == (
        Role("omap4", 2, "panda", None, frozenset({"mytag1"}), Position("job.json", 6, 3)),
        Role("omap3", 1, "beaglexm", None, frozenset({"mytag2"}), Position("job.json", 14, 3)),
    )
    assert job.size == 3
    for role, image in [("omap4", "panda-raring_developer_20130529-347.img.gz"),
                        ("omap3", "beagle-ubuntu-desktop.img.gz")]:  # fmt: skip
        deploy, test = job.actions_of(role)
        assert deploy.parameters == {"image": f"file:///home/instance-manager/images/{image}"}
        assert (test.command, test.timeout) == ("lava_test_shell", 1800)
        assert set(test.parameters) == {"testdef_repos"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [("pand", " (did you mean 'panda'?)"), ("panda5", None), ("zx81", None), ("panda", None)],
)
def test_a_misspelled_type_is_a_warning(read, name, hint):
    """Any name may be a type; one that differs from a known one in digits is another board."""
    job, warnings = read(group({"role": "a", "device_type": name}))
    assert job.roles[0].device_type == name
    said = f": nothing describes the device type {name!r}{hint}"
    assert [str(warning).partition(": warning")[2] for warning in warnings] == (
        [said] if hint else []
    )


def test_defaults(read):
    """One device without tags, unless the entry has more."""
    job, _ = read(group({"role": "a", "device_type": "panda"}))
    assert job.roles[0] == Role("a", 1, "panda", position=job.roles[0].position)


def test_an_alias_becomes_the_proper_name(read):
    """beagle-xm is the name of 2013."""
    job, _ = read(group({"role": "a", "device_type": "beagle-xm"}))
    assert job.roles[0].device_type == "beaglexm"


def test_a_named_device(read):
    """A device may be named, with a count of one or without a count."""
    job, _ = read(group({"role": "a", "device": "p1", "count": 1}, {"role": "b", "device": "p2"}))
    assert [(role.device, role.device_type) for role in job.roles] == [("p1", None), ("p2", None)]


def test_two_roles_may_share_a_device_type(read):
    """A role is not a type."""
    job, _ = read(group({"role": "a", "device_type": "panda"},
                        {"role": "b", "device_type": "panda", "count": 3}))  # fmt: skip
    assert job.size == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"device_type": "panda"},
        {"role": 7, "device_type": "panda"},
        {"role": "a b", "device_type": "panda"},
        {"role": "b", "device_type": "panda"},
        "a",
    ],
)
def test_roles_that_cannot_be_known_make_no_unknown_ones(refused, wrong):
    """One invalid role is one error, whichever roles the actions name."""
    right = {"role": "b", "device_type": "panda"}
    action = {"command": "boot_linaro_image", "parameters": {"role": "a"}}
    (problem,) = refused(group(wrong, right, actions=[action]))
    assert "unknown role" not in problem


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"role": "a", "device_type": "../x"}], "'device_type' has the wrong format"),
        ([{"role": "a", "device": "p1", "count": 2}],
         "'count' must be 1 where 'device' names one board"),
        ([{"role": "a", "device": "p1", "device_type": "panda"}],
         "an entry has 'device' or 'device_type', not both"),
        ([{"role": "a"}], "entry 1 of 'device_group' needs 'device_type' or 'device'"),
        ([{"device_type": "panda"}], "entry 1 of 'device_group' needs 'role'"),
        ([{"role": "a", "device_type": "panda", "count": 0}], "'count' must be at least 1, not 0"),
        ([{"role": "a", "device_type": "panda", "count": 1001}],
         "'count' must be at most 1000, not 1001"),
        ([{"role": "a", "device_type": "panda", "count": 1.5}],
         "'count' must be a whole number, not 1.5"),
        ([{"role": "a", "device_type": "panda", "tag": []}],
         "unknown key 'tag' in entry 1 of 'device_group' (did you mean 'tags'?)"),
        ([{"role": "a", "device_type": "panda", "tags": ["x", "x"]}],
         "'tags' has a duplicate entry"),
        ([{"role": "a", "device_type": "panda", "tags": "x"}],
         "'tags' must be a list, not 'x'"),
        ([{"role": "a", "device_type": "panda"}, {"role": "a", "device_type": "panda"}],
         "role 'a' is duplicated (first on line "),
        ([{"role": "a", "device": "p1"}, {"role": "b", "device": "p1"}],
         "device 'p1' is duplicated (first on line "),
        ([{"role": "a b", "device_type": "panda"}], "'role' has the wrong format"),
        ([{"role": "a\n", "device_type": "panda"}], "'role' has the wrong format"),
        ([{"role": "-a", "device_type": "panda"}], "'role' has the wrong format"),
        ([{"role": "a", "device": "../p1"}], "'device' has the wrong format"),
        ([{"role": "a", "device": "p1\n"}], "'device' has the wrong format"),
        ([], "'device_group' must not be empty"),
        ([7], "entry 1 of 'device_group' must be an object ({...}), not 7"),
        ([{"role": "a", "device_type": "panda", "count": 600},
          {"role": "b", "device_type": "panda", "count": 600}],
         "1200 boards in one job; the limit is 1000"),
    ],
)  # fmt: skip
def test_wrong_entries(refused, entries, message):
    """Each rule of a group entry has its message, reported once."""
    problems = refused(group(*entries))
    assert len(problems) == 1
    assert message in problems[0]


def test_keys_of_single_board_jobs_are_ignored_with_a_warning(read):
    """The group defines the devices, so these keys have no effect."""
    _, warnings = read(group({"role": "a", "device": "p1"}, target="p2", device_type="panda"))
    assert [warning.message for warning in warnings] == [
        "'target' is ignored", "'device_type' is ignored",
    ]  # fmt: skip
    assert all(warning.warning for warning in warnings)


def test_a_group_that_is_no_list(refused):
    """The message describes the expected shape; roles of actions are not blamed."""
    job = group(actions=[{"command": "boot_linaro_image", "parameters": {"role": "a"}}])
    assert refused({**job, "device_group": {"role": "a"}}) == [
        "job.json:11:18: 'device_group' must be a list, not an object"
    ]
