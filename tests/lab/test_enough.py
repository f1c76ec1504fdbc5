"""Whether boards exist at all, and what is said when they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import BoardsUnavailable, InvalidJob, Problem
from lava_dispatcher_multinode.lab.allocation import BoardsMissing, Requirement
from lava_dispatcher_multinode.lab.device_files import Broken, Lab
from lava_dispatcher_multinode.lab.enough import check_enough

BAD = InvalidJob([Problem("p2.yaml", 3, 1, "unknown key")])
PANDAS = [Requirement("r", 0, "panda"), Requirement("r", 1, "panda")]


def test_enough_boards_are_enough(make_device):
    """Broken files do not matter to a job that needs none of them."""
    lab = Lab((make_device("p1"), make_device("p3")), {"p2": Broken(BAD, "panda")})
    check_enough(lab, PANDAS)


def test_a_broken_file_that_is_the_reason_is_told(make_device):
    """The user mends the file rather than buying a board."""
    lab = Lab((make_device("p1"),), {"p2": Broken(BAD, "panda")})
    with pytest.raises(InvalidJob, match=r"p2\.yaml:3:1: unknown key"):
        check_enough(lab, PANDAS)


def test_a_broken_file_that_may_be_the_reason_is_told_too(make_device):
    """Boards are missing all the same: the shortage first, then the file of unknown type."""
    lab = Lab((make_device("p1"),), {"p2": Broken(BAD, None)})
    with pytest.raises(BoardsMissing, match=r"(?s)role r needs 2 .*p2\.yaml:3:1: unknown key"):
        check_enough(lab, PANDAS)


def test_only_broken_files_are_no_empty_lab():
    """Who has written one device file, with a tab in it, is not told to write a first one."""
    with pytest.raises(BoardsMissing, match=r"(?s)role r needs 2 .*p2\.yaml:3:1: unknown key"):
        check_enough(Lab((), {"p2": Broken(BAD, None)}), PANDAS)


def test_a_broken_file_of_another_type_is_not_the_reason(make_device):
    """The message is about what is missing."""
    lab = Lab((make_device("p1"),), {"p2": Broken(BAD, "beaglexm")})
    with pytest.raises(BoardsMissing, match="role r needs 2 panda"):
        check_enough(lab, PANDAS)


def test_a_named_device_with_a_broken_file(make_device):
    """It is that file's mistake, and no other file's."""
    lab = Lab((make_device("p1"),), {"p2": Broken(BAD), "p3": Broken(InvalidJob([]))})
    with pytest.raises(InvalidJob, match="unknown key"):
        check_enough(lab, [Requirement("r", 0, device="p2")])
    with pytest.raises(BoardsMissing):
        check_enough(lab, [Requirement("r", 0, device="p4")])


def test_no_devices_at_all_says_how_to_configure_one():
    """The first run of a new user ends with what to do."""
    lab = Lab((), {}, (Path("/package"), Path("/etc/x")))
    with pytest.raises(BoardsUnavailable) as caught:
        check_enough(lab, PANDAS)
    for words in ("/etc/x/devices", "lava-multinode init", "--simulate"):
        assert words in str(caught.value)
