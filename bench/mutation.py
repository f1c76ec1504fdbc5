"""Mutation test: inject small faults into modules, one at a time, and run the tests.

    python bench/mutation.py [--seed 7] [--mutants 60] [--minutes 60] [--own] [MODULE...]
    python bench/mutation.py --hypothesis MINUTES

MODULE is a path below lava_dispatcher_multinode, such as multinode/rules.py; the default is
MODULES. A mutant that survives the module's own test file is run with the tests of its folder,
unless --own is given. A surviving mutant is a hole in the tests, or equivalent to the module;
bench/mutation.toml lists the equivalent ones with the reason. The exit code is 1 if there is a
hole.

--hypothesis runs the tests that use hypothesis with many examples and a new seed each time.

The program works on a copy of the tree in a temporary directory. Each mutant has limits of time,
memory, file size and processes; all its processes are killed. Ctrl-C prints the table so far.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path

import mutants

PACKAGE = "lava_dispatcher_multinode"
ROOT = Path(__file__).parents[1]
MODULES = (
    "multinode/rules.py", "multinode/group.py", "multinode/waiting.py", "multinode/topics.py",
    "testshell/channel.py", "testshell/signals.py", "console_frames.py", "report/verdict.py",
    "lab/allocation.py", "lab/lockfiles.py", "overlay/definition.py", "job/schema_check.py",
    "boards/bootloaders/u_boot_messages.py", "boards/linux.py",
)  # fmt: skip
FOLDERS = {"console_frames.py": "tests/testshell"}  # default: the folder of the test file
COLUMNS = ("mutants", "own file", "folder", "survived", "equivalent", "holes")
PYTEST = ("-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-m", "not slow")
LIMITS = {
    resource.RLIMIT_AS: 4 << 30,
    resource.RLIMIT_FSIZE: 256 << 20,
    resource.RLIMIT_NPROC: 4096,  # per user; not enforced for root
    resource.RLIMIT_CORE: 0,
}
PR_SET_CHILD_SUBREAPER = 36


class Tree:
    """A copy of the project, in which mutants are tested."""

    def __init__(self, directory: Path) -> None:
        self.output = directory / "output"
        self.root = directory / "tree"
        directory.chmod(0o755)  # some tests run programs as another user
        skipped = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
        shutil.copytree(ROOT, self.root, symlinks=True, ignore=skipped)
        for variable in ("TMPDIR", "HOME", "LAVA_LOCK_DIR", "HYPOTHESIS_STORAGE_DIRECTORY"):
            place = directory / variable.lower()
            place.mkdir()
            os.environ[variable] = str(place)
        tempfile.tempdir = None
        os.environ["PYTHONPATH"] = str(self.root)
        sys.path.insert(0, str(self.root))
        os.chdir(self.root)
        # Orphaned processes of a mutant become children of this process, which kills them.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        import hypothesis  # noqa: F401  # load once for all mutants
        import jsonschema  # noqa: F401
        import pytest  # noqa: F401

    def passes(self, tests: str, limit: float, *, keep: bool = False) -> bool:
        """Return whether the tests pass within `limit` seconds; `keep`: write bytecode files."""
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            self._run(tests, limit, keep=keep)
        handle = os.pidfd_open(child)
        try:
            ended = select.select([handle], [], [], limit)[0]
            return bool(ended) and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finally:
            os.close(handle)
            _kill_children()

    def _run(self, tests: str, limit: float, *, keep: bool) -> None:
        code = 1
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            output = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for stream, descriptor in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (1, 2)):
                os.dup2(stream, descriptor)
            for kind, maximum in (*LIMITS.items(), (resource.RLIMIT_CPU, int(2 * limit) + 1)):
                hard = resource.getrlimit(kind)[1]
                allowed = maximum if hard == resource.RLIM_INFINITY else min(maximum, hard)
                resource.setrlimit(kind, (allowed, allowed))
            sys.dont_write_bytecode = not keep
            if not keep:
                os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            import pytest

            code = int(pytest.main([*PYTEST, *tests.split()]))
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def _kill_children() -> None:
    """Kill all remaining processes of a mutant."""
    while True:
        for line in Path("/proc/self/task").glob("*/children"):
            for child in line.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


class UnmutatedFailure(Exception):
    """The tests fail without a mutant."""


class Trial:
    """The mutants of one module and their outcomes."""

    def __init__(self, tree: Tree, module: str, equivalents: list[dict]) -> None:
        self.tree = tree
        self.module = module
        self.path = tree.root / PACKAGE / module
        self.original = self.path.read_text()
        place = Path("tests", module)
        self.own = str(place.with_name(f"test_{place.name}"))
        self.folder = FOLDERS.get(module, str(place.parent))
        self.equivalents = {
            (e["function"], e["before"], e["after"]) for e in equivalents if e["module"] == module
        }
        self.counts: Counter[str] = Counter()
        self.limits: dict[str, float] = {}

    def limit(self, tests: str) -> float:
        """Return the time limit of the tests in seconds, from a run without a mutant."""
        if tests not in self.limits:
            self.path.write_text(self.original)
            before = time.monotonic()
            if not self.tree.passes(tests, 1800, keep=True):
                print(self.tree.output.read_text(errors="replace"))
                raise UnmutatedFailure(f"{tests} fails without a mutant")
            self.limits[tests] = 15 + 4 * (time.monotonic() - before)
            for stale in self.path.parent.glob(f"__pycache__/{self.path.stem}.*.pyc"):
                stale.unlink()
        return self.limits[tests]

    def run(self, seed: str, count: int, until: float, *, folder: bool) -> None:
        """Test up to `count` mutants, until the monotonic time `until`."""
        found = mutants.of(self.original, f"{seed} {self.module}")
        for key in self.equivalents - {mutant.key for mutant in found}:
            print(f"{self.module}: listed as equivalent, but not a mutant: {key}")
        for mutant in found[:count]:
            if time.monotonic() > until:
                break
            listed = mutant.key in self.equivalents
            if self._is_detected(mutant, self.own):
                outcome = "own file"
            elif folder and not listed and self._is_detected(mutant, self.folder):
                outcome = "folder"
            else:
                outcome = "survived"
            self.counts.update(("mutants", outcome))
            if outcome == "survived":
                self.counts["equivalent" if listed else "holes"] += 1
                print(f"{'equivalent' if listed else 'HOLE'} {self.module}:{mutant}", flush=True)
            elif listed:
                print(f"listed as equivalent, but detected: {self.module}:{mutant}")

    def _is_detected(self, mutant: mutants.Mutant, tests: str) -> bool:
        limit = self.limit(tests)
        self.path.write_text(mutant.text)
        try:
            return not self.tree.passes(tests, limit)
        finally:
            self.path.write_text(self.original)


def mutate(options: argparse.Namespace) -> int:
    """Test the mutants of all modules and print the table; return the exit code."""
    equivalents = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["equivalent"]
    end = time.monotonic() + 60 * options.minutes
    modules = options.modules or MODULES
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="mutation-", ignore_cleanup_errors=True) as directory:
        try:
            tree = Tree(Path(directory))
            for number, module in enumerate(modules):
                now = time.monotonic()
                trials.append(Trial(tree, module, equivalents))
                until = now + (end - now) / (len(modules) - number)
                try:
                    trials[-1].run(options.seed, options.mutants, until, folder=not options.own)
                except UnmutatedFailure as failure:
                    print(failure)
                    trials[-1].counts["holes"] += 1
        except KeyboardInterrupt:
            print("interrupted")
        finally:
            os.chdir(ROOT)
            print(f"\n{'module':24}" + "".join(f"{column:>11}" for column in COLUMNS))
            for trial in trials:
                cells = "".join(f"{trial.counts[column]:11}" for column in COLUMNS)
                print(f"{trial.module:24}{cells}")
    return int(any(trial.counts["holes"] for trial in trials))


def explore(minutes: float) -> int:
    """Run the tests that use hypothesis with many examples; return 1 at the first failure."""
    end = time.monotonic() + 60 * minutes
    files = [
        path for path in ROOT.glob("tests/**/test_*.py") if "from hypothesis" in path.read_text()
    ]
    while True:
        random.shuffle(files)
        for path in files:
            seed = str(random.getrandbits(64))
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
            command += ["--hypothesis-profile=explore", f"--hypothesis-seed={seed}", "--timeout=0"]
            print(" ".join(command[1:]), flush=True)
            left = end - time.monotonic()
            with subprocess.Popen(command, cwd=ROOT, start_new_session=True) as process:
                try:
                    if process.wait(max(left, 0)):
                        print("add the failing example to the test as an @example")
                        return 1
                except subprocess.TimeoutExpired:
                    print("the time is over")
                    return 0
                finally:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)


def main() -> int:
    """Parse the command line and run; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--seed", default="7")
    parser.add_argument("--mutants", type=int, default=60, help="maximum per module")
    parser.add_argument("--minutes", type=float, default=60.0, help="total time limit")
    parser.add_argument("--own", action="store_true", help="run only the module's own test file")
    parser.add_argument("--hypothesis", type=float, metavar="MINUTES")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(number, signal.default_int_handler)
    return explore(options.hypothesis) if options.hypothesis else mutate(options)


if __name__ == "__main__":
    sys.exit(main())
