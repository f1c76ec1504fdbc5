"""lava-multinode init."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lava_dispatcher_multinode.commands.lava_multinode import main
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import load
from lava_dispatcher_multinode.lab.allocation import assign, check_capacity, requirements
from lava_dispatcher_multinode.lab.device_files import load_lab
from lava_dispatcher_multinode.lab.virtual import SIMULATED, make_devices
from lava_dispatcher_multinode.overlay.overlay_store import OverlayStore
from lava_dispatcher_multinode.qemu.test_image import guest as guest_module
from lava_dispatcher_multinode.qemu.test_image import image_cache


def test_the_files_fit_together(tmp_path, capsys):
    """Job, device, image and definition are valid and fit together."""
    assert main(["init", str(tmp_path / "bench")]) == 0
    bench = tmp_path / "bench"
    assert f"lava-dispatch --simulate {bench}/job.yaml" in capsys.readouterr().out
    job, warnings = parse_job(load(bench / "job.yaml"))
    assert not warnings
    lab = load_lab(bench / "lab")
    assert not lab.invalid
    check_capacity(lab, requirements(job))
    assert len(assign(requirements(job), make_devices(job, SIMULATED))) == job.size
    deploy, test = job.actions
    assert (job.directory / deploy.parameters["image"]).is_file()
    (definition,) = OverlayStore(tmp_path / "scratch", job, "7").definitions(test)
    assert definition.test.name == "first-test"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty current directory of a user without device files."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def printed_commands(capsys):
    """Return the command lines that were printed, without their first words."""
    lines = capsys.readouterr().out.splitlines()
    return [shlex.split(line.partition("lava-")[2])[1:] for line in lines if "lava-" in line[:12]]


@pytest.mark.parametrize("place", [[], ["my bench"]], ids=["no DIR", "DIR"])
def test_the_printed_commands_find_the_board(home, capsys, place):
    """Without DIR, the board is in the user's lab; with it, the commands have --config-dir."""
    assert main(["init", *place, "--type", "rock5", "--serial", "/dev/ttyUSB7"]) == 0
    simulate, boards, real = printed_commands(capsys)
    assert main(boards) == 0
    assert re.search(r"rock5-01 +rock5 +- +free", capsys.readouterr().out)
    job, _ = parse_job(load(Path(real[-1])))
    assert simulate == ["--simulate", real[-1]]
    config = Path(real[real.index("--config-dir") + 1]) if place else None
    check_capacity(load_lab(config), requirements(job))


def test_a_second_board_gets_another_name(home, capsys, monkeypatch):
    """The user's lab may have boards; only the files of the job are in the way."""
    assert main(["init", "--type", "rock5"]) == 0
    assert main(["init", "--type", "rock5"]) == 2
    assert "job.yaml: already exists" in capsys.readouterr().err
    (home / "there").mkdir()
    monkeypatch.chdir(home / "there")
    assert main(["init", "--type", "rock5"]) == 0
    devices = home / "config/lava-dispatcher/devices"
    assert sorted(path.stem for path in devices.iterdir()) == ["rock5-01", "rock5-02"]


def test_a_misspelled_type_is_a_warning(home, capsys):
    """The files are written: the name may be right."""
    assert main(["init", "--type", "raspbery4"]) == 0
    assert "'raspbery4' (did you mean 'raspberrypi4'?)" in capsys.readouterr().err


def test_a_directory_that_no_comment_can_hold(home, capsys):
    """The files name it in comments of one line."""
    assert main(["init", "a\nb"]) == 2
    assert "unprintable" in capsys.readouterr().err


def test_json_names_the_files(tmp_path, capsys):
    """Programs get the names of the written files."""
    assert main(["init", str(tmp_path / "bench"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    there = {str(path) for path in (tmp_path / "bench").rglob("*") if path.is_file()}
    assert set(written) == there


@pytest.mark.parametrize("name", ["job.yaml", "lab/devices/panda01.yaml", "panda.img.gz"])
def test_nothing_is_overwritten(tmp_path, capsys, name):
    """If one file exists, none is written."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("precious")
    assert main(["init", str(tmp_path)]) == 2
    assert f"{tmp_path / name}: already exists" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["precious"]


def test_a_place_that_cannot_be_written(tmp_path, capsys):
    """An unusable directory is an error with its path."""
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file")]) == 2
    assert "cannot write: " in capsys.readouterr().err


def test_editors_find_the_schemas(tmp_path):
    """The first line of each file names a schema for which it is valid."""
    main(["init", str(tmp_path)])
    for path in (tmp_path / "job.yaml", tmp_path / "lab" / "devices" / "panda01.yaml"):
        text = path.read_text()
        comment, _, where = text.partition("\n")[0].partition("=")
        assert comment == "# yaml-language-server: $schema"
        schema = json.loads((path.parent / where).read_text())
        Draft202012Validator(schema).validate(load(path).data)


@pytest.fixture
def built(tmp_path, monkeypatch):
    """The built test images: "image 1", "image 2" and so on instead of packages."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = []

    def build(target, packages):
        made.append(f"image {len(made) + 1}".encode())
        target.write_bytes(made[-1])
        return []

    monkeypatch.setattr(image_cache, "build_image", build)
    return made


def test_a_copy_of_the_test_image(tmp_path, capsys, built):
    """The copy is the only new file; the image is built once for all copies."""
    for name in ("one.img", "two.img"):
        assert main(["init", "--test-image", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_bytes() == b"image 1"
    said = capsys.readouterr()
    assert said.out == f"wrote {tmp_path}/one.img\nwrote {tmp_path}/two.img\n"
    assert "making the test image" in said.err
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "one.img", "two.img"}


def test_the_test_image_overwrites_nothing(tmp_path, capsys, built):
    """Nothing is built then."""
    (tmp_path / "mine.img").write_text("precious")
    assert main(["init", "--test-image", str(tmp_path / "mine.img")]) == 2
    assert f"{tmp_path}/mine.img: already exists" in capsys.readouterr().err
    assert (tmp_path / "mine.img").read_text() == "precious"
    assert not built


def test_the_test_image_is_renewed(tmp_path, capsys, built):
    """Later copies have the new image."""
    main(["init", "--test-image", str(tmp_path / "one.img")])
    assert main(["init", "--renew-test-image"]) == 0
    assert "built " in capsys.readouterr().out
    main(["init", "--test-image", str(tmp_path / "two.img")])
    assert (tmp_path / "two.img").read_bytes() == b"image 2"


@pytest.fixture
def guest(tmp_path, monkeypatch):
    """The files of a guest, instead of packages; the arguments of each request."""
    asked = []

    def made(architecture, step, *, suite):
        asked.append((architecture, suite))
        files = [tmp_path / "made" / name for name in ("vmlinuz", "ramdisk", "root")]
        files[0].parent.mkdir(exist_ok=True)
        for file in files:
            file.write_text(file.name)
        return guest_module.Guest(*files, ("linux",))

    monkeypatch.setattr(guest_module, "cached_guest", made)
    return asked


def test_the_image_of_an_architecture(tmp_path, capsys, guest):
    """Root file system, kernel and ramdisk of the suite; nothing is overwritten."""
    path = tmp_path / "t.img"
    words = ["init", "--test-image", str(path), "--arch", "arm64", "--suite", "trixie"]
    assert main(words) == 0
    assert guest == [("arm64", "trixie")]
    contents = {
        name: (tmp_path / f"t.{name}").read_text() for name in ("img", "kernel", "ramdisk")
    }
    assert contents == {"img": "root", "kernel": "vmlinuz", "ramdisk": "ramdisk"}
    path.unlink()
    assert main(words) == 2
    assert "t.kernel: already exists" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arch", "amd64"], "--arch: needs --test-image"),
        (["--test-image", "x.img", "--suite", "trixie"], "--suite: needs --arch"),
        (["--test-image", "x.img", "--type", "panda"], "--test-image: writes an image only"),
        (["--renew-test-image", "--serial", "/dev/x"], "--renew-test-image: writes an image only"),
        (["bench", "--test-image", "x.img"], "--test-image: writes an image only"),
    ],
)
def test_options_that_need_or_exclude_others(capsys, guest, words, message):
    """An option without its other one is an error, not ignored."""
    assert main(["init", *words]) == 2
    assert message in capsys.readouterr().err
    assert guest == []
