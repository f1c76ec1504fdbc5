"""Translation of a job to LAVA's format."""

from __future__ import annotations

import yaml

from ..conftest import job, shell


def test_whatever_a_job_can_say_passes(export, strictly):
    """Every command and kind of source, two device types, calls before and after boot."""
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
    """A job that only tests: LAVA delivers the overlay by a deploy."""
    text, _ = export(job(shell("true")))
    strictly(text)
    actions = yaml.safe_load(text)["actions"]
    assert [next(iter(action)) for action in actions] == ["deploy", "boot", "test"]
    assert actions[0]["deploy"]["to"] == "overlay"


def test_times(export):
    """The job's timeout is ten minutes more than the sum of the slowest role."""
    text, _ = export(
        job(
            shell("true", role="server", timeout=90),
            shell("true", role="client"),
            timeout=60,
            group=[{"role": name, "device_type": "panda"} for name in ("server", "client")],
        )
    )
    data = yaml.safe_load(text)
    # deploy, boot and test of the server: 90 s each.
    assert data["timeouts"] == {
        "job": {"seconds": 870},
        "action": {"minutes": 1},
        "connection": {"minutes": 1},
    }
    assert data["protocols"]["lava-multinode"]["timeout"] == {"minutes": 1}
    limits = [
        (kind, block["role"], block["timeout"])
        for action in data["actions"]
        for kind, block in action.items()
    ]
    assert limits == [
        *((kind, ["server"], {"seconds": 90}) for kind in ("deploy", "boot", "test")),
        *((kind, ["client"], {"minutes": 1}) for kind in ("deploy", "boot", "test")),
    ]


def test_a_call_before_the_boot_is_of_the_first_boot_only(export):
    """A second call would be another barrier, which no other node reaches."""
    sync = {"command": "multinode", "parameters": {"request": "lava-sync", "message_id": "go"}}
    boot = {"command": "boot_linaro_image"}
    data = yaml.safe_load(export(job(sync, boot, boot))[0])
    boots = [action["boot"] for action in data["actions"] if "boot" in action]
    assert ["protocols" in block for block in boots] == [True, False]
    (call,) = boots[0]["protocols"]["lava-multinode"]
    assert call == {
        "action": "uboot-action",
        "request": "lava-sync",
        "messageID": "go",
        "timeout": {"minutes": 5},
    }


def test_a_call_of_a_booted_board_is_a_test(export):
    """LAVA's dispatcher makes no call then; each argument is one word for the shell."""
    parameters = {"request": "lava-send", "message_id": "up", "message": {"n": "a b;c"}}
    call = {"command": "multinode", "parameters": parameters}
    text, said = export(job({"command": "boot_linaro_image"}, call))
    (found,) = yaml.safe_load(text)["actions"][-1]["test"]["definitions"]
    assert found["repository"]["run"]["steps"] == ["lava-send up 'n=a b;c'"]
    assert "lava-send-up: the board makes the call" in said


def test_after_a_deploy_the_board_boots_again(export):
    """Later tests are those of the new image."""
    deploy = {"command": "deploy_linaro_image", "parameters": {"image": "https://h/i.img"}}
    data = yaml.safe_load(export(job(deploy, shell("true"), deploy, shell("true")))[0])
    kinds = [next(iter(action)) for action in data["actions"]]
    assert kinds == ["deploy", "boot", "test"] * 2
