"""A job of ours in LAVA's words."""

from __future__ import annotations

import yaml

from .conftest import job, shell


def test_whatever_a_job_can_say_passes(export, strictly):
    """Every command and every kind of source, two types of boards, calls before and after boot."""
    text, said = export(
        job(
            {
                "command": "deploy_linaro_image",
                "parameters": {
                    "image": "https://h/i.img.xz",
                    "image_sha256": "0" * 64,
                    "role": "server",
                },
            },
            {
                "command": "deploy_linaro_kernel",
                "parameters": {
                    "kernel": "https://h/zImage",
                    "ramdisk": "https://h/r.gz",
                    "role": "client",
                },
            },
            {
                "command": "multinode",
                "parameters": {"request": "lava-sync", "message_id": "power"},
            },
            {"command": "boot_linaro_image"},
            {
                "command": "multinode",
                "parameters": {"request": "lava-send", "message_id": "up", "message": {"n": 1}},
            },
            {
                "command": "lava_test_shell",
                "parameters": {
                    "testdef_repos": [
                        {
                            "git-repo": "https://h/r.git",
                            "testdef": "a/b.yaml",
                            "revision": "main",
                            "parameters": {"X": "1"},
                        }
                    ]
                },
            },
            shell("true", "lava-wait --next x", timeout=90),
            {"command": "submit_results", "parameters": {"server": "x", "stream": "y"}},
            group=[
                {"role": "server", "device_type": "panda", "tags": ["usb"]},
                {"role": "client", "device_type": "beaglexm", "count": 2},
            ],
            tags=["nightly"],
            multinode={"deadlock_grace": 5},
        )
    )
    strictly(text)
    data = yaml.safe_load(text)
    roles = data["protocols"]["lava-multinode"]["roles"]
    assert roles == {
        "server": {"device_type": "panda", "count": 1, "tags": ["usb"]},
        "client": {"device_type": "beagle-xm", "count": 2},
    }
    kinds = [(kind, block["role"]) for action in data["actions"] for kind, block in action.items()]
    both = ["server", "client"]
    assert kinds == [
        ("deploy", ["server"]),
        ("deploy", ["client"]),
        ("boot", ["server"]),
        ("boot", ["client"]),
        ("test", both),
        ("test", both),
        ("test", both),
    ]
    image = data["actions"][0]["deploy"]["images"]["image"]
    assert image == {"url": "https://h/i.img.xz", "compression": "xz", "sha256sum": "0" * 64}
    (call,) = data["actions"][2]["boot"]["protocols"]["lava-multinode"]
    assert (call["action"], call["request"], call["messageID"]) == (
        "uboot-action",
        "lava-sync",
        "power",
    )
    assert data["actions"][3]["boot"]["commands"] == "ramdisk"
    (git,) = data["actions"][5]["test"]["definitions"]
    assert (git["from"], git["path"], git["revision"]) == ("git", "a/b.yaml", "main")
    assert data["actions"][6]["test"]["timeout"] == {"seconds": 90}
    for lost in ("deadlock_grace", "submit_results", "--next", "the board makes the call"):
        assert lost in said
        assert lost in text, "as a comment, too"


def test_a_deploy_comes_before_the_boot_that_lava_needs(export, strictly):
    """A job that only tests: LAVA brings its tests onto the board by a deploy."""
    text, _ = export(job(shell("true")))
    strictly(text)
    actions = yaml.safe_load(text)["actions"]
    assert [next(iter(action)) for action in actions] == ["deploy", "boot", "test"]
    assert actions[0]["deploy"]["to"] == "overlay"
