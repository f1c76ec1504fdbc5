"""Sources of definitions as named in a job; this module fetches nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..redaction import without_secrets

#: Transports that git may use; not `ext`, which runs a command.
GIT_PROTOCOLS = ("file", "git", "http", "https", "ssh")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP_STYLE = re.compile(r"[\w.-]+(@[\w.-]+)?:")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@-]{0,199}")
_UNUSABLE = re.compile(r"[\0-\x20\x7f]")


class BadSource(Exception):
    """The job names an unusable source; `str()` is the reason, `hint` the remedy.

    `key` is the wrong key of the job's entry, if there is one.
    """

    def __init__(self, message: str, hint: str = "", key: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.key = key

    @property
    def path(self) -> tuple[str, ...]:
        """The path from the job's entry to the error."""
        return (self.key,) if self.key else ()


class Kind(StrEnum):
    """How a source is fetched."""

    GIT = "git"
    ARCHIVE = "archive"
    EMBEDDED = "embedded"  # base64 of an archive
    DIRECTORY = "directory"
    FILE = "file"


@dataclass(frozen=True)
class DefinitionSource:
    """A source; equal sources are fetched once per job.

    `location` is an absolute path on this host or a URL; for an embedded
    archive it is the base64 text.
    """

    kind: Kind
    location: str
    revision: str | None = None
    branch: str | None = None

    @property
    def remote(self) -> bool:
        """True if fetching needs the network."""
        return self.kind != Kind.EMBEDDED and not self.location.startswith("/")

    def __str__(self) -> str:
        return "tar-repo" if self.kind == Kind.EMBEDDED else without_secrets(self.location)


def git_source(
    value: str, directory: Path, revision: str | None = None, branch: str | None = None
) -> DefinitionSource:
    """Return the source of `git-repo: value`; relative paths are relative to `directory`.

    A plain directory is accepted instead of a repository.
    """
    for name, given in (("revision", revision), ("branch", branch)):
        if given is not None and (not _REVISION.fullmatch(given) or ".." in given):
            raise BadSource(f"{given[:80]!r} cannot be a {name}", key=name)
    path = local_path(value, directory)
    if path is None:
        return DefinitionSource(Kind.GIT, _git_url(value), revision, branch)
    if not path.is_dir():
        raise BadSource(f"there is no directory {path}")
    bare = (path / "HEAD").is_file() and (path / "objects").is_dir()
    if (path / ".git").exists() or bare:
        return DefinitionSource(Kind.GIT, str(path), revision, branch)
    if revision or branch:
        key = "revision" if revision else "branch"
        raise BadSource(f"{path} is a plain directory and has no revisions", key=key)
    return DefinitionSource(Kind.DIRECTORY, str(path))


def tar_source(value: str, directory: Path) -> DefinitionSource:
    """Return the source of `tar-repo: value`: a path, a URL, or the archive in base64."""
    if re.match(r"https?://", value):
        return DefinitionSource(Kind.ARCHIVE, value)
    looks_like_a_path = len(value) < 4096 and re.search(r"\.(tar|tgz|tbz2?|txz)\b|^file:", value)
    if looks_like_a_path:
        return DefinitionSource(Kind.ARCHIVE, str(_existing(value, directory)))
    return DefinitionSource(Kind.EMBEDDED, value)


def file_source(value: str, directory: Path) -> DefinitionSource:
    """Return the source of one of `testdef_urls`."""
    if re.match(r"https?://", value):
        return DefinitionSource(Kind.FILE, value)
    return DefinitionSource(Kind.FILE, str(_existing(value, directory)))


def local_path(value: str, directory: Path) -> Path | None:
    """Return the path on this host that `value` names, or None for another host."""
    if not value or value.startswith("-") or "\0" in value:
        raise BadSource(f"{value[:80]!r} is neither a path nor a URL")
    scheme = _SCHEME.match(value)
    if scheme and scheme[1].lower() == "file":
        url = urlsplit(value)
        if url.netloc not in {"", "localhost"}:
            raise BadSource(f"{value[:80]!r} names a host", "write file:///path")
        return Path(unquote(url.path))
    if scheme:
        return None
    path = Path(directory, value).absolute()
    return None if _SCP_STYLE.match(value) and not path.exists() else path


def _existing(value: str, directory: Path) -> Path:
    path = local_path(value, directory)
    if path is None:
        raise BadSource(
            f"cannot fetch {without_secrets(value)[:80]!r}",
            "use a path, file://, http:// or https://",
        )
    if not path.is_file():
        raise BadSource(f"there is no file {path}")
    return path


def _git_url(url: str) -> str:
    """Return `url` if git may fetch it."""
    scheme = _SCHEME.match(url)
    allowed = scheme is None or scheme[1].lower() in GIT_PROTOCOLS
    slip = re.match(rf"({'|'.join(GIT_PROTOCOLS)}):/*", url) if scheme is None else None
    if slip or not allowed or re.match(r"[A-Za-z0-9]+::", url) or _UNUSABLE.search(url):
        raise BadSource(
            f"not a valid URL for git: {without_secrets(url)[:80]!r}",
            f"write {slip[1]}://" if slip
            else f"use a path or {', '.join(GIT_PROTOCOLS)}",
        )  # fmt: skip
    return url
