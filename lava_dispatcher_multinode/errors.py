"""All failures, as a tree of exceptions, with their exit codes.

* `MultinodeError`
    * `InvalidJob`            2  the job file, a device file or the command line is invalid
    * `TestError`             1  the tests failed as a whole, for example at their timeout
        * `TestRaised`           a test ended the run (`lava-test-raise`)
        * `KernelCrashed`        as `BoardDied`, for devices with `panic: test`
    * `WaitFailed`            1  a MultiNode call of the dispatcher failed
    * `InfrastructureError`   3  the lab or the host failed, not the test
        * `ConsoleError`         the console cannot be opened, or was lost
            * `ConsoleTaken`     another client holds the port; the board may be in its use
        * `PowerError`           the power control failed
        * `DeployError`          the image could not be deployed
            * `ImageError`       the image file is unusable
        * `BootError`            no boot loader, kernel, login or shell
        * `BoardDied`            a death string: panic, oops, reset
        * `BoardHangs`           no console output and no reply to a probe
        * `ActionTimeout`        an action exceeded its time limit
    * `BoardsUnavailable`     4  not enough boards exist, or they are in use
    * `Cancelled`           130  the user or the group ended the run

Any other exception is a bug in this program: 70.

`error_type` is the corresponding value in results.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ExitCode(IntEnum):
    """Exit codes of `lava-dispatch` and `lava-multinode`."""

    PASS = 0
    TEST_FAILED = 1
    INVALID = 2
    INFRASTRUCTURE = 3
    NO_BOARDS = 4
    NOTHING_RAN = 5
    BUG = 70
    INTERRUPTED = 130


#: Most severe first; a run has the most severe exit code of its nodes.
SEVERITY = (
    ExitCode.INTERRUPTED,
    ExitCode.BUG,
    ExitCode.NO_BOARDS,
    ExitCode.INVALID,
    ExitCode.INFRASTRUCTURE,
    ExitCode.TEST_FAILED,
    ExitCode.NOTHING_RAN,
    ExitCode.PASS,
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the most severe of `codes`; `NOTHING_RAN` if there are none."""
    return min(codes, key=SEVERITY.index, default=ExitCode.NOTHING_RAN)


class MultinodeError(Exception):
    """Base class, never raised itself; `str()` is a message for the user."""

    exit_code = ExitCode.BUG
    error_type = "bug"
    status = "error"  # of the action and the node; "fail": caused by a test


@dataclass(frozen=True, order=True)
class Problem:
    """An error in a file of the user: position, message and hint."""

    file: str
    line: int  # from 1; 0: the whole file
    column: int  # from 1; 0: the whole line
    message: str
    hint: str = ""
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        kind = "warning: " if self.warning else ""
        return f"{place}{kind}{self.message}" + (f" ({self.hint})" if self.hint else "")


class InvalidJob(MultinodeError):
    """All errors found in the user's files."""

    exit_code = ExitCode.INVALID
    error_type = "job"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def about(cls, what: str, message: str, hint: str = "") -> Self:
        """Return an error with one problem, about a whole file, option or device."""
        return cls([Problem(what, 0, 0, message, hint)])


class TestError(MultinodeError):
    """The tests failed as a whole, for example at their timeout."""

    __test__ = False  # keeps pytest from collecting it
    exit_code = ExitCode.TEST_FAILED
    error_type = "test"
    status = "fail"


class TestRaised(TestError):
    """A test ended the run (`lava-test-raise`)."""

    status = "error"


class KernelCrashed(TestError):
    """A death string on the console of a device with `panic: test`."""


class WaitFailed(MultinodeError):
    """A MultiNode call by the dispatcher on behalf of the node failed."""

    exit_code = ExitCode.TEST_FAILED
    error_type = "multinode"
    status = "fail"


class InfrastructureError(MultinodeError):
    """The console, the power control, the board or the host failed, not the test."""

    exit_code = ExitCode.INFRASTRUCTURE
    error_type = "infrastructure"


class ConsoleError(InfrastructureError):
    """The console cannot be opened, or its far end has closed it."""


class ConsoleTaken(ConsoleError):
    """Another client holds the console's port; the board's power must not be switched."""


class PowerError(InfrastructureError):
    """The power control failed."""


class DeployError(InfrastructureError):
    """The image could not be downloaded, decompressed or written to the board."""


class ImageError(DeployError):
    """The image file is damaged, too large or the wrong one; the message begins with its name."""


class BootError(InfrastructureError):
    """The board did not reach the expected step; the message names it."""


class BoardDied(InfrastructureError):
    """A death string on the console: panic, oops or unexpected reset."""


class BoardHangs(InfrastructureError):
    """During tests the board stopped printing and did not reply to a probe."""


class ActionTimeout(InfrastructureError):
    """An action exceeded a limit; the message names the limit and the key that sets it."""


class BoardsUnavailable(MultinodeError):
    """The boards that the job requests do not exist, or are in use."""

    exit_code = ExitCode.NO_BOARDS
    error_type = "infrastructure"


#: The reason of `Cancelled` if the whole run was cancelled.
INTERRUPTED = "the run was interrupted"


class Cancelled(MultinodeError):
    """The user (Ctrl-C) or the end of the group cancelled the run."""

    exit_code = ExitCode.INTERRUPTED
    error_type = "cancelled"
