"""Fetching, verifying and unpacking Debian's packages with a private apt configuration.

The configuration of the host is only read for the address of its archive. No foreign
architecture is added, nothing is installed, and no root is needed.
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
    from collections.abc import Callable

SUITE, ARCHITECTURE = "bookworm", "armhf"
#: Architecture -> its kernel for virtual machines, and the oldest suite that has it.
KERNELS = {
    "amd64": ("linux-image-cloud-amd64", "bookworm"),
    "arm64": ("linux-image-cloud-arm64", "bookworm"),
    "armhf": ("linux-image-armmp", "bookworm"),
    "riscv64": ("linux-image-riscv64", "trixie"),
}
ARCHIVE = "http://deb.debian.org/debian/"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
COMMAND_TIMEOUT_S = 900.0  # for one run of apt-get: 50 MB over a slow line
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


class DebianPackages:
    """The packages of one suite and architecture below `directory`, which outlives a run.

    A package is fetched once; with `renew`, the newest version replaces an older one.
    `step` gets texts that describe the progress.
    """

    def __init__(
        self,
        directory: Path,
        step: Callable[[str], None] = lambda _text: None,
        *,
        renew: bool = False,
        suite: str = SUITE,
        architecture: str = ARCHITECTURE,
    ) -> None:
        self._suite, self._architecture = suite, architecture
        self._directory = directory.absolute()
        self._archives = self._directory / "archives"
        self._renew = renew
        self._step = step
        self._updated = False

    def unpack(self, name: str) -> Path:
        """Return the directory with the unpacked package `name`.

        A kernel metapackage, such as linux-image-armmp, is replaced by the package on
        which it depends. Raise `InfrastructureError`.
        """
        package = self._fetch(name)
        target = self._unpack_directory(package)
        if not target.is_dir():
            half = target.with_name(f"{target.name}.part")
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir(parents=True)
            self._run(["dpkg-deb", "-x", str(package), str(half)], f"unpacking {package.name}")
            half.rename(target)
        return target

    def _unpack_directory(self, package: Path) -> Path:
        return self._directory / "unpacked" / package.stem

    def _fetch(self, name: str) -> Path:
        self._archives.mkdir(parents=True, exist_ok=True)
        noted = self._archives / f"{name}.is"
        known = self._archives / noted.read_text() if noted.is_file() else None
        if known is not None and known.is_file() and not self._renew:
            return known
        self._update()
        real = self._resolve(name)
        self._step(f"fetching {real} from Debian")
        with TemporaryDirectory(dir=self._directory) as scratch:
            self._run(["apt-get", "-qq", "download", real], f"fetching {real}", Path(scratch))
            (found,) = Path(scratch).glob("*.deb")
            package = found.replace(self._archives / found.name)
        noted.write_text(package.name)
        if known is not None and known != package:
            known.unlink(missing_ok=True)
            shutil.rmtree(self._unpack_directory(known), ignore_errors=True)
        return package

    def _resolve(self, name: str) -> str:
        action = f"looking for {name} in {self._suite} for {self._architecture}"
        shown = self._run(["apt-cache", "show", "--no-all-versions", name], action)
        if name.startswith("linux-image-"):
            real = re.search(r"^Depends:.*?\b(linux-image-[^ ,]+)", shown, re.MULTILINE)
            return real.group(1) if real else name
        return name

    def _update(self) -> None:
        """Write the apt configuration and fetch the package lists."""
        if self._updated:
            return
        if shutil.which("apt-get") is None:
            raise InfrastructureError("no apt-get found: making the test image needs Debian")
        if not KEYRING.is_file():
            raise InfrastructureError(
                f"no {KEYRING} found, which verifies the packages: "
                "apt-get install debian-archive-keyring"
            )
        top = self._directory
        for part in ("state/lists/partial", "cache/archives/partial"):
            (top / part).mkdir(parents=True, exist_ok=True)
        (top / "status").touch()
        archive = self._find_archive()
        (top / "sources.list").write_text(
            f"deb [signed-by={KEYRING}] {archive} {self._suite} main\n"
        )
        configuration = _CONFIGURATION.format(architecture=self._architecture, directory=top)
        (top / "apt.conf").write_text(configuration)
        what = f"the {self._architecture} package lists of {self._suite} from {archive}"
        self._step(f"fetching {what}")
        self._run(["apt-get", "-qq", "update", "--error-on=any"], f"fetching {what}")
        self._updated = True

    def _find_archive(self) -> str:
        """Return the archive or mirror that the apt of this host uses."""
        done = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)"],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        uris = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Debian ")]
        return uris[0] if uris else ARCHIVE

    def _run(self, command: list[str], action: str, directory: Path | None = None) -> str:
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
                timeout=COMMAND_TIMEOUT_S,
            )
        except FileNotFoundError:
            raise InfrastructureError(f"{action}: needs the program {command[0]}") from None
        except subprocess.TimeoutExpired:
            raise InfrastructureError(
                f"{action}: not done within {COMMAND_TIMEOUT_S:.0f} s"
            ) from None
        if done.returncode:
            lines = (done.stderr.strip() or done.stdout.strip()).splitlines()[:5]
            raise InfrastructureError("\n    ".join([f"{action}: {command[0]} failed:", *lines]))
        return done.stdout
