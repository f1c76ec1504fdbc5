"""The archive for the board: its content, reproducible."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.overlay import tarball as module
from lava_dispatcher_multinode.overlay.definition import TestDefinition
from lava_dispatcher_multinode.overlay.load import Definition
from lava_dispatcher_multinode.overlay.tarball import load_scripts, write_tarball

ROOT = Path(__file__).parents[2]
SMOKE = TestDefinition("smoke", install_steps=("true",), steps=("ls",))


def build(stages):
    """Return the bytes of a tarball of job 7."""
    stream = io.BytesIO()
    write_tarball("7", stages, stream)
    return stream.getvalue()


def members(stages):
    """Return the members by name, and the open tar."""
    tar = tarfile.open(fileobj=io.BytesIO(build(stages)))  # noqa: SIM115 - memory only
    names = tar.getnames()
    assert len(names) == len(set(names))
    return {member.name: member for member in tar}, tar


def text_of(tar, name):
    """Return the text of a file in it."""
    return tar.extractfile(name).read().decode()


def test_where_things_are(directory):
    """Scripts, the runner's list, and for each definition its files."""
    definition = Definition(SMOKE, b"text", "here", files=directory, key="key")
    found, tar = members({0: [definition, definition], 2: [definition]})
    for script in load_scripts():
        assert found[f"lava-7/{script.path}"].mode == script.mode
    assert text_of(tar, "lava-7/0/lava-test-runner.conf") == ("tests/0_smoke\ntests/1_smoke\n")
    assert text_of(tar, "lava-7/2/lava-test-runner.conf") == "tests/0_smoke\n"
    for place in ("0/tests/0_smoke", "0/tests/1_smoke", "2/tests/0_smoke"):
        here = f"lava-7/{place}"
        assert text_of(tar, f"{here}/testdef.yaml") == "text"
        assert 'cd "$(dirname "$0")"' in text_of(tar, f"{here}/run.sh")
        assert 'cd "$(dirname "$0")"' in text_of(tar, f"{here}/install.sh")
        assert found[f"{here}/go.sh"].mode == found[f"{here}/run.sh"].mode == 0o755
        assert found[f"{here}/smoke.yaml"].mode == 0o644
    uuids = {text_of(tar, name) for name in found if name.endswith("/uuid")}
    assert len(uuids) == 3
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found.values()} == {
        (0, 0, "root", "root", 0)
    }


def test_what_is_large_is_there_once(directory, monkeypatch):
    """Definitions of a large repository go over the line as one; each has its own scripts."""
    monkeypatch.setattr(module, "MIN_SHARED_BYTES", 1000)
    monkeypatch.setattr(module, "MAX_BYTES", 4000)
    (directory / "program").write_bytes(b"x" * 1500)
    definition = Definition(SMOKE, b"text", "here", files=directory, key="key")
    found, tar = members({0: [definition] * 3, 1: [definition]})
    first, *others = (member for name, member in found.items() if name.endswith("/program"))
    assert first.isreg()
    assert {(other.type, other.linkname) for other in others} == {(tarfile.LNKTYPE, first.name)}
    assert len(others) == 3
    assert text_of(tar, others[-1].name) == "x" * 1500
    assert all(found[f"lava-7/0/tests/{n}_smoke/go.sh"].isreg() for n in range(3))


def test_directories_come_before_what_is_in_them(directory):
    """busybox tar makes no directories by itself."""
    found, _ = members({0: [Definition(SMOKE, b"", "here", {}, directory)]})
    seen = set()
    for name, member in found.items():
        parent = name.rpartition("/")[0]
        assert not parent or parent in seen
        if member.isdir():
            seen.add(name)


def test_equal_content_equal_bytes(directory, tmp_path, monkeypatch):
    """Time, order of the file system, owner and umask make no difference."""
    definition = Definition(SMOKE, b"text", "here", files=directory, key="key")
    first = build({0: [definition], 1: [definition]})
    os.utime(directory / "go.sh", (1, 1))
    (directory / "smoke.yaml").chmod(0o600)
    monkeypatch.setattr(time, "time", lambda: 1e9)
    walk = os.walk
    monkeypatch.setattr(
        module.os, "walk", lambda top: ((d, dirs, files[::-1]) for d, dirs, files in walk(top))
    )
    assert build({1: [definition], 0: [definition]}) == first
    (directory / "go.sh").write_text("other")
    assert build({0: [definition], 1: [definition]}) != first


def test_links_stay_inside(directory, tmp_path, caplog):
    """Links within the files are kept, others are left out, and none is followed."""
    (tmp_path / "secret").write_text("secret")
    (directory / "sub").mkdir()
    links = {
        "inside": "go.sh", "sub/up": "../go.sh", "whole": "sub", "absolute": "/etc/passwd",
        "out": "../secret", "sub/further": "../../secret", "dangling": "nowhere",
    }  # fmt: skip
    for name, target in links.items():
        (directory / name).symlink_to(target)
    found, _ = members({0: [Definition(SMOKE, b"", "here", {}, directory)]})
    here = "lava-7/0/tests/0_smoke/"
    kept = {name.removeprefix(here): m.linkname for name, m in found.items() if m.issym()}
    assert kept == {
        "inside": "go.sh", "sub/up": "../go.sh", "whole": "sub", "dangling": "nowhere"
    }  # fmt: skip
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == 3 * ["here"]


def test_the_runners_files_win(directory, caplog):
    """A run.sh in the repository does not replace the generated one; there is a warning."""
    (directory / "run.sh").write_text("theirs")
    (directory / "testdef.yaml").write_text("theirs")
    found, tar = members({0: [Definition(SMOKE, b"ours", "here", {}, directory)]})
    assert "TESTRUN_ID" in text_of(tar, "lava-7/0/tests/0_smoke/run.sh")
    assert text_of(tar, "lava-7/0/tests/0_smoke/testdef.yaml") == "ours"
    assert [record.args[1] for record in caplog.records] == ["run.sh"]
    assert found


def test_what_is_no_file_is_left_out(directory):
    """git's own files, and a FIFO that would block for ever."""
    (directory / ".git").mkdir()
    (directory / ".git/config").write_text("x")
    os.mkfifo(directory / "fifo")
    found, _ = members({0: [Definition(SMOKE, b"", "here", {}, directory)]})
    assert not [name for name in found if ".git" in name or "fifo" in name]


def test_further_repositories_get_their_own_directory(directory, tmp_path):
    """install.git-repos are beside the definition's files."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "tool").write_text("x")
    further = (("deep/er", other),)
    found, _ = members({0: [Definition(SMOKE, b"", "h", files=directory, repositories=further)]})
    assert "lava-7/0/tests/0_smoke/deep/er/tool" in found


@pytest.mark.parametrize(("name", "value"), [("MAX_BYTES", 10), ("MAX_FILES", 30)])
def test_bounds(directory, monkeypatch, name, value):
    """A directory that is too large is an error before the disk is full."""
    for number in range(40):
        (directory / f"f{number}").write_text("x")
    monkeypatch.setattr(module, name, value)
    with pytest.raises(InvalidJob, match="here: the definition has more than"):
        build({0: [Definition(SMOKE, b"", "here", {}, directory)]})


def test_directories_without_end(directory):
    """They are refused before anything that walks through them breaks."""
    deep = directory
    for _ in range(70):
        deep = deep / "d"
        deep.mkdir()
    with pytest.raises(InvalidJob, match="here: more than 64 nested directories: d/d/"):
        build({0: [Definition(SMOKE, b"", "here", {}, directory)]})


def test_a_file_that_cannot_be_read_is_named(directory, monkeypatch):
    """It is the user's to mend."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module._Overlay, "_add_file", refuse)
    with pytest.raises(InvalidJob, match=r"cannot read .*go\.sh: Permission denied"):
        build({0: [Definition(SMOKE, b"", "here", {}, directory)]})


def test_a_definition_alone(tmp_path):
    """Without files there is just what the runner needs, and no install.sh without need."""
    found, _ = members({0: [Definition(TestDefinition("a b/c"), b"x", "here")]})
    place = "lava-7/0/tests/0_a-b-c"
    inside = {name.removeprefix(place + "/") for name in found if name.startswith(place + "/")}
    assert inside == {"run.sh", "testdef.yaml", "uuid"}


def test_the_work_trees_load_scripts():
    """All that is in overlays/, and nothing that Python or an editor put beside it."""
    found = {script.path: script for script in load_scripts()}
    for folder, mode in (("bin", 0o755), ("lib", 0o644)):
        for file in (ROOT / "overlays" / folder).iterdir():
            if not file.name.startswith((".", "_")) and not file.name.endswith("~"):
                script = found.pop(f"{folder}/{file.name}")
                assert (script.content, script.mode) == (file.read_bytes(), mode)
    assert not found


def test_what_a_test_needs_is_there():
    """The seven MultiNode commands and the runner that starts it all."""
    names = {script.path for script in load_scripts()}
    seven = ("self", "role", "group", "send", "wait", "wait-all", "sync")
    assert {f"bin/lava-{name}" for name in (*seven, "test-runner")} <= names


@pytest.mark.slow
def test_a_wheel_that_is_installed_elsewhere_finds_its_scripts(tmp_path):
    """package_dir and package_data put them where importlib.resources looks."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    for name in ("lava_dispatcher_multinode", "overlays", "man"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    built = [*pip, "wheel", *offline, "--no-build-isolation", "-w", tmp_path / "dist", source]
    subprocess.run(built, check=True, cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--target", tmp_path / "site", wheel], check=True)
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
import lava_dispatcher_multinode as package
from lava_dispatcher_multinode.lab.layers import Layers
from lava_dispatcher_multinode.overlay.tarball import load_scripts
Layers([])  # the schema of device files is there, too
print(package.__file__)
for script in load_scripts():
    print(script.path, len(script.content))
"""
    # -P, and away from the work tree, which must not be what is imported.
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    found = done.stdout.splitlines()
    assert found[0].startswith(str(tmp_path / "site"))
    assert found[1:] == [f"{script.path} {len(script.content)}" for script in load_scripts()]


def test_a_checkout_that_is_not_installed_finds_its_scripts(tmp_path):
    """Started in the root of a checkout, Python imports from there, also beside an install."""
    for name in ("lava_dispatcher_multinode", "overlays"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    program = """
import sys
# An editable install has a finder of its own for the scripts; a plain one has none.
sys.meta_path = [each for each in sys.meta_path if "Editable" not in str(each)]
from lava_dispatcher_multinode.overlay import tarball
print(tarball.__file__)
for script in tarball.load_scripts():
    print(script.path, len(script.content))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    found = done.stdout.splitlines()
    assert found[0].startswith(str(tmp_path))
    assert found[1:] == [f"{script.path} {len(script.content)}" for script in load_scripts()]
