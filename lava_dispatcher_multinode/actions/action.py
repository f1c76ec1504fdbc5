"""The interface of actions: their facts, checks, execution and export."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from .. import plugins
from ..job.model import Calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..errors import Problem
    from ..job.model import ActionSpec, Job
    from ..lab.device_model import Device
    from ..overlay.overlay_store import OverlayStore
    from .context import Node


#: The commands of this package's own actions, as `setup.cfg` registers them.
DEPLOY_IMAGE = "deploy_linaro_image"
DEPLOY_KERNEL = "deploy_linaro_kernel"
BOOT = "boot_linaro_image"
RUN_TESTS = "lava_test_shell"
CALL = "multinode"


class CheckContext(NamedTuple):
    """The information that an action may use to check itself before a run.

    `run_here`: the job is about to run on this machine; files that are missing are errors.
    """

    job: Job
    overlays: OverlayStore
    run_here: bool


class LavaWriter(Protocol):
    """Writes actions as blocks of a LAVA job."""

    def deploy(self, spec: ActionSpec, kind: str) -> None:
        """Write a deploy block; `kind` is a key of `boards.deploy.support.METHODS`."""

    def boot(self, spec: ActionSpec) -> None:
        """Write a boot block."""

    def test(self, spec: ActionSpec) -> None:
        """Write a test block; boot first if the board is not running."""

    def call(self, spec: ActionSpec) -> None:
        """Write a MultiNode call that the dispatcher makes."""

    def remark(self, text: str) -> None:
        """Report what LAVA's job format cannot express."""


class Action(Protocol):
    """One command of a job.

    A plug-in must have `parameters_schema` and `run`. It gets the defaults below for
    everything else that it does not define.
    """

    #: JSON Schema (draft 2020-12) of `parameters`, without `role` and `timeout`, which
    #: every action accepts.
    parameters_schema: ClassVar[Mapping[str, Any]]
    #: Whether the action boots the board.
    boots: ClassVar[bool] = False
    #: Whether the action may put something bootable on the board.
    deploys: ClassVar[bool] = True
    #: Which MultiNode calls the action makes.
    calls: ClassVar[Calls] = Calls.ANY

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Run the action on `node`.

        Raise a `MultinodeError` for a failure; any other exception counts as a bug.
        """

    def skip(self, node: Node) -> None:
        """Record what is missing because the action does not run."""
        del node

    def check(self, spec: ActionSpec, context: CheckContext) -> Iterable[Problem]:
        """Return the problems of the files that `spec` names; no board is touched.

        Raises `InvalidJob` or `InfrastructureError` if the definitions of `spec` cannot be read.
        """
        del spec, context
        return ()

    def check_own_board(self, spec: ActionSpec) -> Iterable[Problem]:
        """Return what of `spec` only LAVA's dispatcher can do."""
        del spec
        return ()

    def unsupported_reason(self, device: Device, parameters: Mapping[str, Any]) -> str | None:
        """Return why `device`, as configured, cannot run the action; None if it can."""
        del device, parameters
        return None

    def export(self, spec: ActionSpec, writer: LavaWriter) -> None:
        """Write `spec` as a part of a LAVA job."""
        writer.remark(f"{spec.command}: left out; LAVA has no such action")


class _PluginAction(Action):
    """A plug-in's action, completed by the defaults of `Action`."""

    parameters_schema = MappingProxyType({})

    def __init__(self, action: Any) -> None:
        self._action = action
        for name in {*vars(Action), *Action.__annotations__} - {"run"}:
            if not name.startswith("_") and hasattr(action, name):
                setattr(self, name, getattr(action, name))

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Run the plug-in's action."""
        self._action.run(node, parameters)


def load_action(command: str) -> Action:
    """Return a new instance of the action `command`; `KeyError` if no package has it."""
    action: Any = plugins.action(command)
    return action if Action in type(action).__mro__ else _PluginAction(action)


def calls_of(spec: ActionSpec) -> Calls:
    """Return which MultiNode calls an action of a job makes."""
    return Calls.ANY if spec.refused else load_action(spec.command).calls
