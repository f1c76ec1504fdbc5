"""Checks of a job before a board is used."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.errors import Problem
from lava_dispatcher_multinode.job.model import ActionSpec, Job, Position, Role
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lab.deploy_sections import Deploy, Tftp
from lava_dispatcher_multinode.lab.device_files import Lab
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, QemuMachine
from lava_dispatcher_multinode.overlay.overlay_store import OverlayStore
from lava_dispatcher_multinode.run.job_check import (
    check_boards,
    check_job,
    check_own_roles,
    check_partial_job,
    check_virtual,
)


class PressButton:
    """A plug-in's action without any of the optional facts."""

    parameters_schema: ClassVar = {}

    def run(self, node, parameters):
        """Do nothing."""


@pytest.fixture
def checked(tmp_path):
    """A function that checks a job of two roles with the actions given."""

    def run(*actions):
        roles = (Role("server", device_type="panda"), Role("client", device_type="panda"))
        job = Job("job", 60, roles, actions, file="job.json", directory=tmp_path)
        return [
            str(p) for p in check_job(job, OverlayStore(tmp_path / "o", job, "1"), remote=False)
        ]

    return run


def _shell(steps, **more):
    definition = {"metadata": {"name": "d"}, "run": {"steps": steps}}
    return ActionSpec("lava_test_shell", {"definitions": [definition]}, **more)


def test_a_good_job_has_no_problems(checked):
    """There is no false alarm."""
    assert checked(_shell(["lava-sync a"])) == []


def test_a_message_that_is_never_sent_causes_a_warning(checked):
    """A wait for a message that no node sends is a warning."""
    found = checked(
        _shell(["lava-wait go"], roles=frozenset(["client"])),
        _shell(["lava-send og"], roles=frozenset(["server"])),
    )
    assert any(
        "warning" in text and "lava-wait go: no other node sends it" in text for text in found
    )


def test_a_warning_has_the_place_of_its_step(checked, tmp_path):
    """FILE:LINE:COL, once for all roles that run the definition."""
    text = "metadata: {name: x}\nrun:\n  steps:\n    - true\n    - lava-wait missing\n"
    (tmp_path / "test.yaml").write_text(text)
    found = checked(ActionSpec("lava_test_shell", {"testdef_urls": ["test.yaml"]}))
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path}/test.yaml:5:7: warning: lava-wait missing")


def test_a_script_without_an_interpreter_is_warned_of(checked, tmp_path):
    """Once for all roles that run it."""
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo/go.sh").write_text("#!bin/sh\n")
    (tmp_path / "repo/t.yaml").write_text("metadata: {name: x}\nrun: {steps: [./go.sh]}\n")
    spec = {"testdef_repos": [{"git-repo": "repo", "testdef": "t.yaml"}]}
    (found,) = checked(ActionSpec("lava_test_shell", spec))
    assert found.startswith(f"{tmp_path}/repo/go.sh:1:1: warning: the board finds no 'bin/sh'")


def test_messages_of_scripts_beside_the_definition_count(checked, tmp_path):
    """A definition in a directory of its repository calls the scripts next to it."""
    for folder, message in (("right", "ready"), ("wrong", "strange")):
        directory = tmp_path / "repo" / folder
        directory.mkdir(parents=True)
        (directory / "run.sh").write_text(f"lava-wait {message}\n")
        (directory / "test.yaml").write_text(
            f"metadata: {{name: x}}\nrun: {{steps: [cd {folder}, ./run.sh]}}\n"
        )
    repos = [{"git-repo": "repo", "testdef": "right/test.yaml"}]
    found = checked(
        ActionSpec("lava_test_shell", {"testdef_repos": repos}, roles=frozenset(["client"])),
        _shell(["lava-send readyy"], roles=frozenset(["server"])),
    )
    assert any("right/run.sh:1:1: warning: lava-wait ready" in text for text in found)
    assert not any("strange" in text for text in found)


def test_a_missing_image_is_a_warning(checked):
    """A job may be checked on another machine than the lab's."""
    found = checked(
        ActionSpec(
            "deploy_linaro_image",
            {"image": "none.img"},
            positions={("image",): Position("job.json", 3, 9)},
        )
    )
    assert len(found) == 1
    assert found[0].startswith("job.json:3:9: warning: no such image on this machine: ")


def test_what_no_board_can_do_is_an_error_at_once(checked):
    """Not after an hour of deploying."""
    assert any(
        "cannot fetch ftp://" in text
        for text in checked(ActionSpec("deploy_linaro_image", {"image": "ftp://x/y.img"}))
    )


def test_only_boards_of_our_own_are_asked_what_they_cannot():
    """LAVA checks what its dispatcher runs; other blocks are refused by name."""
    roles = (Role("server", device_type="panda"), Role("client", device_type="nsdut"))
    actions = (
        ActionSpec("deploy to fastboot", refused="only LAVA supports it"),
        ActionSpec("test", roles=frozenset(["client"]), refused="only LAVA has it"),
    )
    ignored = Problem("j", 2, 3, "'os' has no effect", warning=True)
    job = Job("job", 60, roles, actions, remarks=((frozenset(["server"]), ignored),))
    assert check_own_roles(job, set()) == []
    found = [str(problem) for problem in check_own_roles(job, {"server"})]
    assert found.pop(0) == "j:2:3: warning: 'os' has no effect"
    assert len(found) == 1
    assert "deploy to fastboot of server: only LAVA supports it" in found[0]
    assert "host: lava" in found[0]
    assert check_own_roles(job, {"client"})[0].message != ignored.message


def test_missing_boot_files_are_reported(checked):
    """Each missing file is reported."""
    files = {"kernel": "nowhere/zImage", "ramdisk": "nowhere/rd", "dtb": "http://x/dtb"}
    found = checked(ActionSpec("deploy_linaro_kernel", files))
    assert [text.partition("no such ")[2].split()[0] for text in found] == ["kernel", "ramdisk"]


def test_a_deploy_that_no_board_is_set_up_for_is_an_error():
    """It is no error if one of the possible devices of the role supports it."""
    job = Job("job", 60, (Role("r", device_type="panda"),),
              (ActionSpec("deploy_linaro_image", {"image": "x"}),
               ActionSpec("deploy_linaro_kernel", {"kernel": "x"})))  # fmt: skip
    whole = {"path": "/dev/sdx", "tftp": Tftp(host="10.0.0.1", kernel="0x1")}
    boards = [Device(f"p{n}", "panda", deploy=Deploy(method=method, **whole))
              for n, method in enumerate((None, "media", "tftp", "none"))]  # fmt: skip

    def told(*devices):
        found = (str(problem) for problem in check_boards(job, Lab(devices)))
        return [text.partition("cannot deploy ")[2].partition(":")[0] for text in found]

    assert told(boards[0]) == ["an image", "kernels"]
    assert told(boards[0], boards[1]) == ["kernels"]
    assert told(boards[2]) == ["an image"]
    assert told(boards[1], boards[2]) == told(boards[3]) == []


def test_a_root_file_system_over_the_network_is_an_error_at_once():
    """Real boards get it over NFS alone, which is missing; QEMU has it as a disk."""
    files = {"kernel": "x", "rootfs": "x"}
    job = Job("job", 60, (Role("r", device_type="panda"),),
              (ActionSpec("deploy_linaro_kernel", files),))  # fmt: skip
    real = Device("p", "panda", deploy=Deploy(method="tftp", tftp=Tftp(host="::", kernel="0x1")))
    (found,) = check_boards(job, Lab((real,)))
    assert "a root file system over the network needs NFS" in str(found)
    connection = ConsoleConnection(qemu=QemuMachine())
    emulated = Device("q", "panda", connection=connection, deploy=Deploy(method="media"))
    assert check_boards(job, Lab((emulated,))) == []


def test_what_lava_fetches_need_not_be_fetched_here(tmp_path):
    """LAVA's dispatcher fetches the job's files itself; devices driven here need them here."""
    spec = ActionSpec("lava_test_shell", {"testdef_urls": ["gone.yaml"]}, frozenset(["server"]))
    job = Job("job", 60, (Role("server", device_type="x"),), (spec,), directory=tmp_path, lava={})
    overlays = OverlayStore(tmp_path / "o", job, "1")
    (ours,) = check_job(job, overlays, remote=True)
    (lavas,) = check_job(job, overlays, remote=True, lavas={"server"})
    assert (ours.warning, lavas.warning) == (False, True)


def test_a_broken_definition_has_its_position(checked, tmp_path):
    """The definition's own file, line and column."""
    (tmp_path / "bad.yaml").write_text("metadata: {name: x}\nrun:\n  steps: {a: 1}\n")
    found = checked(ActionSpec("lava_test_shell", {"testdef_urls": ["bad.yaml"]}))
    assert any("bad.yaml:3:" in text for text in found)


def test_boards_that_do_not_exist_are_an_error_at_the_role(tmp_path):
    """The error is at the role, with its position in the file."""
    role = Role("many", 2, "panda", position=Position("job.json", 4, 5))
    job = Job("job", 60, (role,), (), file="job.json")
    problems = check_boards(job, Lab((Device("p1", "panda"),)))
    assert [str(p)[:16] for p in problems] == ["job.json:4:5: no"]
    assert check_boards(job, Lab((Device("p1", "panda"), Device("p2", "panda")))) == []


def test_steps_that_are_no_shell_are_warned_of(checked):
    """A typing error in a step is found before three boots."""
    (found,) = checked(_shell(["echo a", "if true; echo b; fi"]))
    assert "warning: syntax error" in found


def test_the_rest_of_a_wrong_job(tmp_path):
    """A missing definition is reported together with the errors of the job itself."""
    right = {"command": "lava_test_shell", "parameters": {"testdef_urls": ["no.yaml"]}}
    text = json.dumps({"actions": [right, {"command": "nonsense"}]})
    (problem,) = check_partial_job(from_bytes(text.encode(), "job.json", tmp_path))
    assert problem.message == f"there is no file {tmp_path}/no.yaml"
    assert (problem.file, problem.line, problem.column > 1) == ("job.json", 1, True)
    assert check_partial_job(from_bytes(b"[]", "job.json", tmp_path)) == []


def test_the_rest_of_a_wrong_action(tmp_path):
    """The other entries are still checked; the wrong one is not reported twice."""
    repositories = [{"git-repo": ".", "tesdef": "no.yaml"}, {"git-repo": "nowhere"}]
    parameters = {"testdef_repos": repositories}
    text = json.dumps({"actions": [{"command": "lava_test_shell", "parameters": parameters}]})
    (problem,) = check_partial_job(from_bytes(text.encode(), "job.json", tmp_path))
    assert problem.message == f"there is no directory {tmp_path}/nowhere"
    assert problem.column == text.index('"nowhere"') + 1


def test_booting_a_virtual_board_without_a_deploy_is_warned_of(monkeypatch):
    """One warning per action; a call deploys nothing, a plug-in's action may."""
    own = plugins.action
    monkeypatch.setattr(
        plugins, "action", lambda name: PressButton() if name == "press" else own(name)
    )

    def spec(line, command, **more):
        return ActionSpec(command, positions={(): Position("j", line, 3)}, **more)

    job = Job(
        "j", 60, tuple(Role(name, 1, "panda") for name in "abcd"),
        (
            spec(1, "deploy_linaro_image", roles=frozenset("c")),
            spec(2, "press", roles=frozenset("d")),
            spec(3, "multinode"),
            spec(4, "lava_test_shell"),
            spec(5, "boot_linaro_image"),
        ),
    )  # fmt: skip
    (problem,) = check_virtual(job)
    assert str(problem).startswith(
        "j:4:3: warning: lava_test_shell boots a board to which nothing"
    )
