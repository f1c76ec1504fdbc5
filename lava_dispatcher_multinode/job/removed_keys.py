"""Keys and commands of LAVA's old or other job formats, and what replaces them."""

from __future__ import annotations

from typing import Any

#: Top-level keys that LAVA's scheduler of 2013 added for its dispatchers.
INJECTED = frozenset(
    {"group_size", "hostname", "is_slave", "port", "role", "sub_id", "target_group"}
)

_SHELL = "of 2013, no longer supported: use lava_test_shell"
_ANDROID = "Android boards are not supported"

#: Unknown key or command -> hint.
HINTS = {
    "hwpack": "hardware packs are not supported: build the image first and name it in 'image'",
    "rootfs": "assembling images is not supported: build the image first and name it in 'image'",
    "bootloader": "the boot loader is part of the image; its settings are in the device file",
    "bzr-repo": "Bazaar is not supported: use git-repo",
    "role": "put the role into the action's 'parameters'",
    "timeout": "put the timeout into the action's 'parameters'",
    "add_apt_repository": _SHELL,
    "lava_test_install": _SHELL,
    "lava_test_run": _SHELL,
    "boot_master_image": "not needed: deploying boots the master image",
    "dummy_deploy": "not needed: set deploy.method to 'none' in the device file",
    "android_install_binaries": _ANDROID,
    "boot_linaro_android_image": _ANDROID,
    "deploy_linaro_android_image": _ANDROID,
    "lava_android_test_install": _ANDROID,
    "lava_android_test_run": _ANDROID,
}

_PIPELINE_ACTIONS = {"deploy", "boot", "test"}


def is_pipeline(data: Any) -> bool:
    """Return True if `data` is a job in LAVA's own format since 2016 (`timeouts`, `deploy:`)."""
    if not isinstance(data, dict) or "device_group" in data:
        return False
    actions = data.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    deploys = (
        isinstance(first, dict) and "command" not in first and first.keys() & _PIPELINE_ACTIONS
    )
    return bool("protocols" in data or "timeouts" in data or deploys)
