"""Put small faults into modules, one at a time, and see whether a test notices.

    python bench/mutation.py [--seed 7] [--mutants 60] [--minutes 60] [--own] [MODULE...]
    python bench/mutation.py --hypothesis MINUTES

MODULE is a path below lava_dispatcher_multinode, as multinode/rules.py; without one, all of
MODULES.
A mutant that a module's own test file does not notice is tried with the tests of its folder,
unless --own. What no test notices is a hole in the tests, or an equivalent of the module, which
bench/mutation.toml lists with the reason. The exit code is 1 if there is a hole.

--hypothesis runs the tests that use hypothesis with many examples, from a new seed each time.

It works in a copy of the tree, in a temporary directory. A mutant has limits of time, memory,
file size and processes, and no process of it is left. Ctrl-C ends it with the table so far.
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
    "testshell/channel.py", "testshell/signals.py", "frames.py", "report/verdict.py",
    "lab/allocation.py", "lab/lockfiles.py", "overlay/definition.py", "job/schema_check.py",
    "boards/bootloaders/u_boot_messages.py", "boards/linux.py",
)  # fmt: skip
FOLDERS = {"frames.py": "tests/testshell"}  # else the folder of the test file
COLUMNS = ("mutants", "own file", "folder", "survived", "looked at", "holes")
PYTEST = ("-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-m", "not slow")
LIMITS = {
    resource.RLIMIT_AS: 4 << 30,
    resource.RLIMIT_FSIZE: 256 << 20,
    resource.RLIMIT_NPROC: 4096,  # of the user; root has no limit but the time
    resource.RLIMIT_CORE: 0,
}
PR_SET_CHILD_SUBREAPER = 36


class Tree:
    """A copy of the project in which mutants are tried."""

    def __init__(self, directory: Path) -> None:
        self.output = directory / "output"
        self.root = directory / "tree"
        directory.chmod(0o755)  # some tests have another user at work
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
        # What a mutant's processes leave behind becomes a child of this one, which ends it.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        import hypothesis  # noqa: F401  # loaded once for all mutants
        import jsonschema  # noqa: F401
        import pytest  # noqa: F401

    def passes(self, tests: str, limit: float, *, keep: bool = False) -> bool:
        """Return whether the tests pass within `limit` seconds; `keep` their bytecode."""
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
            _end_all()

    def _run(self, tests: str, limit: float, *, keep: bool) -> None:
        code = 1
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            output = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for stream, descriptor in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (1, 2)):
                os.dup2(stream, descriptor)
            for what, most in (*LIMITS.items(), (resource.RLIMIT_CPU, int(2 * limit) + 1)):
                hard = resource.getrlimit(what)[1]
                allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(what, (allowed, allowed))
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


def _end_all() -> None:
    """End what is left of a mutant."""
    while True:
        for line in Path("/proc/self/task").glob("*/children"):
            for child in line.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


class Broken(Exception):
    """Tests that fail by themselves tell nothing of mutants."""


class Trial:
    """The mutants of one module, and what became of them."""

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
        """Return the seconds that the tests get, after a run without a fault."""
        if tests not in self.limits:
            self.path.write_text(self.original)
            before = time.monotonic()
            if not self.tree.passes(tests, 1800, keep=True):
                print(self.tree.output.read_text(errors="replace"))
                raise Broken(f"{tests} fails without any mutant")
            self.limits[tests] = 15 + 4 * (time.monotonic() - before)
            for stale in self.path.parent.glob(f"__pycache__/{self.path.stem}.*.pyc"):
                stale.unlink()
        return self.limits[tests]

    def run(self, seed: str, most: int, until: float, *, folder: bool) -> None:
        """Try up to `most` mutants, until the time is over."""
        found = mutants.of(self.original, f"{seed} {self.module}")
        for key in self.equivalents - {mutant.key for mutant in found}:
            print(f"{self.module}: listed, but no mutant: {key}")
        for mutant in found[:most]:
            if time.monotonic() > until:
                break
            listed = mutant.key in self.equivalents
            if self._noticed(mutant, self.own):
                noticed = "own file"
            elif folder and not listed and self._noticed(mutant, self.folder):
                noticed = "folder"
            else:
                noticed = "survived"
            self.counts.update(("mutants", noticed))
            if noticed == "survived":
                self.counts["looked at" if listed else "holes"] += 1
                print(f"{'equivalent' if listed else 'HOLE'} {self.module}:{mutant}", flush=True)
            elif listed:
                print(f"listed as equivalent, but noticed: {self.module}:{mutant}")

    def _noticed(self, mutant: mutants.Mutant, tests: str) -> bool:
        limit = self.limit(tests)
        self.path.write_text(mutant.text)
        try:
            return not self.tree.passes(tests, limit)
        finally:
            self.path.write_text(self.original)


def mutate(options: argparse.Namespace) -> int:
    """Run the trials and print the table."""
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
                except Broken as broken:
                    print(broken)
                    trials[-1].counts["holes"] += 1
        except KeyboardInterrupt:
            print("interrupted")
        finally:
            os.chdir(ROOT)
            print(f"\n{'module':24}" + "".join(f"{column:>10}" for column in COLUMNS))
            for trial in trials:
                cells = "".join(f"{trial.counts[column]:10}" for column in COLUMNS)
                print(f"{trial.module:24}{cells}")
    return int(any(trial.counts["holes"] for trial in trials))


def explore(minutes: float) -> int:
    """Run the tests that use hypothesis, with many examples, until the time is over."""
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
                        print("make what it found an @example of the test")
                        return 1
                except subprocess.TimeoutExpired:
                    print("the time is over")
                    return 0
                finally:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--seed", default="7")
    parser.add_argument("--mutants", type=int, default=60, help="of each module at most")
    parser.add_argument("--minutes", type=float, default=60.0, help="for all of it")
    parser.add_argument("--own", action="store_true", help="leave the tests of the folder out")
    parser.add_argument("--hypothesis", type=float, metavar="MINUTES")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(number, signal.default_int_handler)
    return explore(options.hypothesis) if options.hypothesis else mutate(options)


if __name__ == "__main__":
    sys.exit(main())
