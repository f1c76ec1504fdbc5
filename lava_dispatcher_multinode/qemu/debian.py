"""Debian's armhf packages: fetched and verified by an apt of our own, and unpacked.

The host's apt is asked where its archive is, and left as it is: no foreign
architecture is added to it, nothing is installed, and no root is needed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..errors import InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUITE, ARCHITECTURE = "bookworm", "armhf"
ARCHIVE = "http://deb.debian.org/debian/"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
WAIT = 900.0  # seconds for one run of apt-get: 50 MB over a slow line
_CONFIGURATION = """\
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "";
APT::Get::List-Cleanup "false";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "{directory}/state";
Dir::State::status "{directory}/status";
Dir::Cache "{directory}/cache";
Dir::Etc::sourcelist "{directory}/sources.list";
Dir::Etc::sourceparts "/dev/null";
"""


class Packages:
    """Packages below `directory`, which is kept: what is there is not fetched again.

    Unless with `renew`: then each is as new as the archive has it, and replaces an older one.
    """

    def __init__(
        self,
        directory: Path,
        step: Callable[[str], None] = lambda _text: None,
        *,
        renew: bool = False,
    ) -> None:
        self._directory = directory.absolute()
        self._archives = self._directory / "archives"
        self._renew = renew
        self._step = step
        self._updated = False

    def unpacked(self, name: str) -> Path:
        """Return the directory into which the package `name` is unpacked.

        A package that only depends on the newest version of another, as
        linux-image-armmp does, stands for that. Raise `InfrastructureError`.
        """
        package = self._fetched(name)
        target = self._unpacked(package)
        if not target.is_dir():
            half = target.with_name(f"{target.name}.part")
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir(parents=True)
            self._run(["dpkg-deb", "-x", str(package), str(half)], f"unpacking {package.name}")
            half.rename(target)
        return target

    def _unpacked(self, package: Path) -> Path:
        return self._directory / "unpacked" / package.stem

    def _fetched(self, name: str) -> Path:
        self._archives.mkdir(parents=True, exist_ok=True)
        noted = self._archives / f"{name}.is"
        known = self._archives / noted.read_text() if noted.is_file() else None
        if known is not None and known.is_file() and not self._renew:
            return known
        self._update()
        real = self._meant_by(name)
        self._step(f"fetching {real} from Debian")
        with TemporaryDirectory(dir=self._directory) as scratch:
            self._run(["apt-get", "-qq", "download", real], f"fetching {real}", Path(scratch))
            (found,) = Path(scratch).glob("*.deb")
            package = found.replace(self._archives / found.name)
        noted.write_text(package.name)
        if known is not None and known != package:
            known.unlink(missing_ok=True)
            shutil.rmtree(self._unpacked(known), ignore_errors=True)
        return package

    def _meant_by(self, name: str) -> str:
        shown = self._run(["apt-cache", "show", "--no-all-versions", name], f"looking for {name}")
        if name.startswith("linux-image-"):
            real = re.search(r"^Depends:.*?\b(linux-image-[^ ,]+)", shown, re.MULTILINE)
            return real.group(1) if real else name
        return name

    def _update(self) -> None:
        """Learn what the archive has."""
        if self._updated:
            return
        if shutil.which("apt-get") is None:
            raise InfrastructureError(
                "there is no apt-get: the test image is made of Debian's packages, on Debian"
            )
        if not KEYRING.is_file():
            raise InfrastructureError(
                f"there is no {KEYRING}, by which Debian's packages are verified: "
                "apt-get install debian-archive-keyring"
            )
        top = self._directory
        for part in ("state/lists/partial", "cache/archives/partial"):
            (top / part).mkdir(parents=True, exist_ok=True)
        (top / "status").touch()
        archive = self._archive()
        (top / "sources.list").write_text(f"deb [signed-by={KEYRING}] {archive} {SUITE} main\n")
        configuration = _CONFIGURATION.format(architecture=ARCHITECTURE, directory=top)
        (top / "apt.conf").write_text(configuration)
        self._step(f"asking {archive} for its {ARCHITECTURE} packages")
        self._run(["apt-get", "-qq", "update"], f"asking {archive} for its packages")
        self._updated = True

    def _archive(self) -> str:
        """Return the archive that this host's own apt uses, a mirror perhaps."""
        done = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)"],
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT,
        )
        uris = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Debian ")]
        return uris[0] if uris else ARCHIVE

    def _run(self, command: list[str], doing: str, directory: Path | None = None) -> str:
        environ = {**os.environ, "APT_CONFIG": str(self._directory / "apt.conf"), "LC_ALL": "C"}
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                cwd=directory,
                env=environ,
                timeout=WAIT,
            )
        except FileNotFoundError:
            raise InfrastructureError(f"{doing}: needs the program {command[0]}") from None
        except subprocess.TimeoutExpired:
            raise InfrastructureError(f"{doing}: not done within {WAIT:.0f} s") from None
        if done.returncode:
            words = (done.stderr.strip() or done.stdout.strip()).splitlines()[:5]
            raise InfrastructureError("\n    ".join([f"{doing}: {command[0]} failed:", *words]))
        return done.stdout


def names(packages: Sequence[Path]) -> list[str]:
    """Return what was unpacked into these directories: name, version, architecture."""
    return [package.name for package in packages]
