"""What jobs may still hold from LAVA's past or its other format, and what to do instead."""

from __future__ import annotations

from typing import Any

#: Top-level keys that the scheduler of 2013 put into a job for its dispatchers.
INJECTED = frozenset(
    {"group_size", "hostname", "is_slave", "port", "role", "sub_id", "target_group"}
)

_SHELL = "of 2013, no longer supported: use lava_test_shell"
_ANDROID = "Android boards are not supported"

#: Unknown key or command -> what to do.
HINTS = {
    "hwpack": "hardware packs are gone: make the image beforehand and give it as 'image'",
    "rootfs": "assembling images is gone: make the image beforehand and give it as 'image'",
    "bootloader": "the image holds its boot loader; the board's device file has its settings",
    "bzr-repo": "Bazaar is not supported: use git-repo",
    "role": "an action's role goes into its 'parameters'",
    "timeout": "an action's timeout goes into its 'parameters'",
    "add_apt_repository": _SHELL,
    "lava_test_install": _SHELL,
    "lava_test_run": _SHELL,
    "boot_master_image": "not needed: deploying does it",
    "dummy_deploy": "not needed: a device file with deploy method 'none' keeps what is on it",
    "android_install_binaries": _ANDROID,
    "boot_linaro_android_image": _ANDROID,
    "deploy_linaro_android_image": _ANDROID,
    "lava_android_test_install": _ANDROID,
    "lava_android_test_run": _ANDROID,
}

_PIPELINE_ACTIONS = {"deploy", "boot", "test"}


def is_pipeline(data: Any) -> bool:
    """Whether `data` is a job of LAVA's own format since 2016 (`timeouts`, `deploy:`)."""
    if not isinstance(data, dict) or "device_group" in data:
        return False
    actions = data.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    deploys = (
        isinstance(first, dict) and "command" not in first and first.keys() & _PIPELINE_ACTIONS
    )
    return bool("protocols" in data or "timeouts" in data or deploys)
