"""Every failure this program knows, and the exit code that each carries.

* `MultinodeError`
    * `InvalidJob`            2  job file, device file or command line are wrong
    * `TestError`             1  the tests failed as a whole: they hang, say
        * `TestRaised`           a test asked for the end of the run
        * `KernelCrashed`        as `BoardDied`, where the device file makes that the test's doing
    * `WaitFailed`            1  a MultiNode call of the dispatcher's own failed
    * `InfrastructureError`   3  the world is wrong, not the test
        * `ConsoleError`         the console cannot be opened, or is gone
            * `ConsoleTaken`     another client holds its port: the board may be lent to it
        * `PowerError`           the power switch failed
        * `DeployError`          the image did not get onto the board
            * `ImageError`       its file is to blame
        * `BootError`            no boot loader, kernel, login or shell
        * `BoardDied`            a death string: panic, oops, reset
        * `BoardHangs`           it says nothing, and does not answer
        * `ActionTimeout`        an action's time is over
    * `BoardsUnavailable`     4  not enough boards, or somebody holds them
    * `Cancelled`           130  the user or the group ended it

Anything else that escapes is a bug of ours: 70.

`error_type` is the word that results.json uses for the same fact.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ExitCode(IntEnum):
    """What `lava-dispatch` and `lava-multinode` return."""

    PASS = 0
    TEST_FAILED = 1
    INVALID = 2
    INFRASTRUCTURE = 3
    NO_BOARDS = 4
    NOTHING_RAN = 5
    BUG = 70
    INTERRUPTED = 130


#: A run's code is the worst of its nodes: the first of these that any of them has.
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
    """Return the most severe of `codes`; `NOTHING_RAN` of none."""
    return min(codes, key=SEVERITY.index, default=ExitCode.NOTHING_RAN)


class MultinodeError(Exception):
    """Never raised itself; `str()` is a sentence for the user."""

    exit_code = ExitCode.BUG
    error_type = "bug"
    status = "error"  # of the action and the node; "fail": a test's doing


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a file of the user's: where, what, what to do."""

    file: str
    line: int  # from 1; 0: the file as a whole
    column: int  # from 1; 0: the line as a whole
    message: str
    hint: str = ""
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        kind = "warning: " if self.warning else ""
        return f"{place}{kind}{self.message}" + (f" ({self.hint})" if self.hint else "")


class InvalidJob(MultinodeError):
    """All that is wrong with the user's files, at once."""

    exit_code = ExitCode.INVALID
    error_type = "job"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def about(cls, what: str, message: str, hint: str = "") -> Self:
        """Return the error of one thing that is wrong as a whole: a file, an option, a device."""
        return cls([Problem(what, 0, 0, message, hint)])


class TestError(MultinodeError):
    """The tests failed as a whole: they have not ended in time, say."""

    __test__ = False  # not for pytest to collect
    exit_code = ExitCode.TEST_FAILED
    error_type = "test"
    status = "fail"


class TestRaised(TestError):
    """A test ended the run (`lava-test-raise`): it could not go on."""

    status = "error"


class KernelCrashed(TestError):
    """A death string, on a device whose file says that the kernel is what is tested."""


class WaitFailed(MultinodeError):
    """A call of the MultiNode API that was made for the node did not succeed."""

    exit_code = ExitCode.TEST_FAILED
    error_type = "multinode"
    status = "fail"


class InfrastructureError(MultinodeError):
    """The console, the power, the board or the host failed; not the test."""

    exit_code = ExitCode.INFRASTRUCTURE
    error_type = "infrastructure"


class ConsoleError(InfrastructureError):
    """The console cannot be opened, or its far end is gone."""


class ConsoleTaken(ConsoleError):
    """Another client holds the console's port: the power of the board is not ours to switch."""


class PowerError(InfrastructureError):
    """The power switch failed."""


class DeployError(InfrastructureError):
    """The image could not be fetched, unpacked or put on the board."""


class ImageError(DeployError):
    """The image's own file is broken, too large or another one; the text begins with its name."""


class BootError(InfrastructureError):
    """The board did not get to the expected step; the text names it."""


class BoardDied(InfrastructureError):
    """A death string on the console: panic, oops, unexpected reset."""


class BoardHangs(InfrastructureError):
    """A board that ran tests says nothing any more, and does not answer when asked."""


class ActionTimeout(InfrastructureError):
    """An action's limit is over; the text says which limit and where it is set."""


class BoardsUnavailable(MultinodeError):
    """The boards that the job asks for do not exist, or are held by somebody."""

    exit_code = ExitCode.NO_BOARDS
    error_type = "infrastructure"


class Cancelled(MultinodeError):
    """The user (Ctrl-C) or the end of the group stopped it."""

    exit_code = ExitCode.INTERRUPTED
    error_type = "cancelled"
