"""The commands of this package's own actions, as `setup.cfg` registers them."""

from __future__ import annotations

DEPLOY_IMAGE = "deploy_linaro_image"
DEPLOY_KERNEL = "deploy_linaro_kernel"
BOOT = "boot_linaro_image"
RUN_TESTS = "lava_test_shell"
CALL = "multinode"
