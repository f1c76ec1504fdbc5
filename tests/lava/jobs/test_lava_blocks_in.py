"""LAVA's deploy, boot and test blocks on devices driven here."""

import pytest

from lava_dispatcher_multinode.lava.jobs.deploy import Step
from lava_dispatcher_multinode.lava.jobs.lava_blocks_in import (
    ignored_keys,
    import_block,
    import_calls,
)


def with_calls(*given):
    """Return a boot block with these MultiNode calls."""
    return {"method": "u-boot", "protocols": {"lava-multinode": list(given)}}


@pytest.mark.parametrize("method", ["minimal", "qemu", "u-boot"])
def test_methods_that_a_board_here_has(method):
    """The device file defines the boot; the block only requests it."""
    assert list(import_block("boot", {"method": method})) == [Step("boot_linaro_image")]


@pytest.mark.parametrize(
    ("kind", "block", "command", "said"),
    [
        ("boot", {"method": "grub"}, "boot by grub", "supported here: minimal, qemu, u-boot"),
        ("boot", {}, "boot by None", "only LAVA supports it"),
        ("test", {}, "test", "it has no definitions"),
        ("test", {"definitions": "x"}, "test", "it has no definitions"),
        ("test", {"docker": {}, "definitions": []}, "test with docker", "only LAVA's dispatcher"),
        (
            "test",
            {"interactive": []},
            "test with interactive",
            "only LAVA's dispatcher supports it",
        ),
        ("test", {"monitors": []}, "test with monitors", "only LAVA's dispatcher supports it"),
        ("test", {"services": []}, "test with services", "only LAVA's dispatcher supports it"),
        ("command", {"name": "x"}, "command", "only LAVA supports such a block"),
    ],
)
def test_what_only_lava_can_is_refused_by_name(kind, block, command, said):
    """A block that is silently skipped would be a test that has not run."""
    (step,) = import_block(kind, block)
    assert step.command == command
    assert said in step.refused


def test_definitions_are_those_of_the_block():
    """An empty list is valid."""
    assert list(import_block("test", {"definitions": [{"from": "git"}]})) == [
        Step("lava_test_shell", {"definitions": [{"from": "git"}]})
    ]
    assert list(import_block("test", {"definitions": []})) == [
        Step("lava_test_shell", {"definitions": []})
    ]


@pytest.mark.parametrize(("repeat", "times"), [(0, 0), (1, 1), (3, 3)])
def test_a_block_is_repeated_and_its_calls_are_not(repeat, times):
    """The group synchronises once, before the first time."""
    block = with_calls({"request": "lava-sync", "messageID": "go"}) | {"repeat": repeat}
    commands = [step.command for step in import_block("boot", block)]
    assert commands == ["multinode", *["boot_linaro_image"] * times]


def test_other_protocols_are_refused():
    """LXC, xnbd: a device that starts without them is not what the job requests."""
    block = {"method": "u-boot", "protocols": {"lava-xnbd": [], "lava-multinode": []}}
    refused, boot = import_block("boot", block)
    assert (refused.command, boot.command) == ("protocol lava-xnbd of boot", "boot_linaro_image")
    assert refused.refused


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        (
            {"request": "lava-sync", "messageID": "go"},
            {"request": "lava-sync", "message_id": "go"},
        ),
        ({"request": "lava-wait", "messageID": 7}, {"request": "lava-wait", "message_id": "7"}),
        (
            {"request": "lava-send", "messageID": "up", "message": {"ip": "1"}},
            {"request": "lava-send", "message_id": "up", "message": {"ip": "1"}},
        ),
        # LAVA's own message ID for a delayed role, whatever the job calls it.
        (
            {"request": "lava-start", "messageID": "mine"},
            {"request": "lava-send", "message_id": "lava_start"},
        ),
        (
            {"request": "lava-wait-all", "messageID": "x", "role": "b"},
            {"request": "lava-wait-all", "message_id": "x", "waitrole": "b"},
        ),
        # Only a lava-send has data, and only a lava-wait-all a role.
        (
            {"request": "lava-wait", "messageID": "x", "message": {"a": 1}, "role": "b"},
            {"request": "lava-wait", "message_id": "x"},
        ),
    ],
)
def test_a_call(call, parameters):
    """In this package's format, with the keys that such a call accepts."""
    assert list(import_calls("boot", with_calls(call))) == [Step("multinode", parameters)]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"request": "lava-shout", "messageID": "x"}, "'lava-shout' is not one of lava-send"),
        ({"messageID": "x"}, "None is not one of"),
        ("lava-sync", "None is not one of"),
        ({"request": "lava-sync"}, "it has no messageID"),
        ({"request": "lava-sync", "messageID": ""}, "it has no messageID"),
    ],
)
def test_a_call_that_is_none_is_refused(call, said):
    """If one node of a group made no call, the others would wait for it until the timeout."""
    (step,) = import_calls("boot", with_calls(call))
    assert said in step.refused


@pytest.mark.parametrize(
    ("value", "timeout"),
    [
        ({"minutes": 2}, {"minutes": 2}),
        (90, {"seconds": 90}),
        (0.5, {"seconds": 0.5}),
        (True, None),
        ("2m", None),
        (None, None),
    ],
)
def test_the_limit_of_a_call(value, timeout):
    """LAVA accepts a mapping or seconds; otherwise the protocol's timeout applies."""
    call = {"request": "lava-wait", "messageID": "x", "timeout": value}
    (step,) = import_calls("boot", with_calls(call))
    assert step.timeout == timeout


def test_one_call_need_not_be_a_list():
    """Some jobs write a single call without a list."""
    block = {"protocols": {"lava-multinode": {"request": "lava-sync", "messageID": "go"}}}
    assert [step.parameters["message_id"] for step in import_calls("deploy", block)] == ["go"]
    assert list(import_calls("deploy", {})) == []


def test_keys_of_a_deploy_without_effect_are_reported():
    """With their positions; for a boot the device file applies."""
    block = {"to": "tmpfs", "images": {"rootfs": {"url": "u"}}, "namespace": "x"}
    assert [place for place, _ in ignored_keys("deploy", block)] == [("namespace",)]
    assert list(ignored_keys("boot", {"method": "u-boot", "namespace": "x"})) == []
