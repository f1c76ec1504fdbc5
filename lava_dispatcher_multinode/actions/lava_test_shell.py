"""`lava_test_shell`: run test definitions on the board, and listen to what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import ActionTimeout, DeployError, TestError
from ..testshell.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..boards.shell import Shell
    from .node import Node
