"""`lava-multinode init`: write a first device file and a first job."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ExitCode, InvalidJob, Problem
from .exit_codes import print_stderr
from .first_board import asked, quoted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

DESCRIPTION = "Write a first device file, job and image. Existing files are not overwritten."
EPILOG = """\
examples:
  lava-multinode init --type raspberrypi4 --serial /dev/ttyUSB0
  lava-multinode init bench                      all files in one directory
  lava-dispatch --simulate bench/job.yaml
  lava-multinode init --test-image test.img      write the image for emulated boards
  lava-multinode init --renew-test-image         rebuild it from current packages
  lava-multinode init --test-image t.img --arch arm64 --suite trixie
                                                 a root file system, t.kernel and t.ramdisk
"""

JOB = """\
# yaml-language-server: $schema=schemas/job.schema.json
# Runs without hardware:    lava-dispatch --simulate {job}
# with a real Linux:        lava-dispatch --emulate {job}
# and on the real board:    {real}
job_name: first-job
timeout: 600                        # seconds, for each action and each MultiNode call

device_group:
  - role: board
    count: 1                        # with more, every node waits for all in lava-sync
    device_type: {device_type}

actions:
  - command: deploy_linaro_image
    parameters:
      image: {image}
      # tiny; emulated boards use the test image instead
  - command: lava_test_shell
    parameters:
      definitions:
        - metadata:
            format: Lava-Test Test Definition 1.0
            name: first-test
          run:
            steps:
              - lava-test-case kernel --shell uname -a
              - lava-sync ready
              - lava-test-case group --shell lava-group
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        nargs="?",
        help="the directory of all files; default: the current directory, and for the device "
        "file that of this user's device files",
    )
    board = parser.add_argument_group("the board", "what is not given is asked for on a terminal")
    board.add_argument("--type", metavar="T", help="device type (default: panda), or any name")
    board.add_argument("--serial", metavar="URL", help="serial device, or URL of a console server")
    board.add_argument("--power-on", metavar="CMD", help="command that switches the power on")
    board.add_argument("--power-off", metavar="CMD", help="command that switches it off")
    image = parser.add_mutually_exclusive_group()
    image.add_argument(
        "--test-image",
        metavar="PATH",
        type=Path,
        nargs="?",
        const=Path("test.img"),
        help="write only the image for emulated boards (default: test.img), "
        "built from Debian packages",
    )
    image.add_argument(
        "--renew-test-image",
        action="store_true",
        help="only rebuild that image in the cache, from current Debian packages",
    )
    parser.add_argument(
        "--arch",
        choices=("amd64", "arm64", "armhf", "riscv64"),
        help="with --test-image: an ext4 root file system of this architecture of Debian, and "
        "beside it kernel and ramdisk, for boards in QEMU that start a kernel directly",
    )
    parser.add_argument(
        "--suite",
        metavar="NAME",
        help="with --arch: the suite of Debian (default: bookworm; riscv64: trixie)",
    )
    parser.add_argument("--json", action="store_true", help="print the written files as JSON")


def run(args: argparse.Namespace) -> ExitCode:
    """Write all files; raise `InvalidJob` and write none if one exists."""
    if args.test_image is None and (args.arch or args.suite):
        raise InvalidJob.about("--arch", "needs --test-image", "add --test-image PATH")
    if args.suite and not args.arch:
        raise InvalidJob.about("--suite", "needs --arch", "add --arch amd64, for example")
    board = (args.directory, args.type, args.serial, args.power_on, args.power_off)
    if (args.test_image is not None or args.renew_test_image) and board != (None,) * len(board):
        option = "--renew-test-image" if args.renew_test_image else "--test-image"
        raise InvalidJob.about(option, "writes an image only", "leave out DIR and the board")
    if args.arch:
        return _guest(args.test_image, args.arch, args.suite, as_json=args.json)
    if args.test_image is not None:
        return _test_image(args.test_image, as_json=args.json)
    if args.renew_test_image:
        return _renew(as_json=args.json)
    return _first_files(args)


def _first_files(args: argparse.Namespace) -> ExitCode:
    from ..images.example_images import compressed, example_image
    from ..job.hints import misspelled
    from ..lab.layers import Layers, search_path
    from ..lab.virtual import free_name

    board = asked(args)
    board.check()
    own = args.directory is None
    directory = Path() if own else args.directory
    if not str(directory.absolute()).isprintable():  # the files name it
        raise InvalidJob.about(ascii(str(directory)), "the path has an unprintable character")
    lab = search_path()[-1] if own else directory / "lab"
    layers = Layers(search_path())
    kind = layers.types().get(board.device_type, board.device_type)
    name = free_name(board.device_type, layers.names() if own else ())
    job, device = directory / "job.yaml", lab / "devices" / f"{name}.yaml"
    schemas = directory / "schemas"  # named in the first lines of the files
    image = directory / f"{board.device_type}.img.gz"
    option = "" if own else f" --config-dir {shlex.quote(str(lab))}"
    real = f"lava-dispatch{option} {shlex.quote(str(job))}"
    schema = (schemas.absolute() if own else Path("../../schemas")) / "device.schema.json"
    head = {"job": shlex.quote(str(job)), "real": real, "image": quoted(image.name)}
    contents = {
        job: JOB.format(**head, device_type=quoted(board.device_type)).encode(),
        device: board.text(str(schema), layers.type_contents.get(kind, {})).encode(),
        image: compressed(example_image(board.device_type)),
        schemas / "job.schema.json": _schema("job"),
        schemas / "device.schema.json": _schema("device"),
    }
    there = [
        Problem(str(path), 0, 0, "already exists", "choose another directory, or remove it")
        for path in contents
        if path.exists()
    ]
    if there:
        raise InvalidJob(there)
    for path, content in contents.items():
        _write(path, content)
    if near := misspelled(board.device_type, layers.types()):
        text = f"warning: nothing describes the device type '{board.device_type}'"
        print_stderr(f"{text} (did you mean '{near}'?)")
    if args.json:
        print(_written(contents))  # noqa: T201
        return ExitCode.PASS
    print(  # noqa: T201
        f"wrote {', '.join(map(str, contents))}\n"
        f"next: lava-dispatch --simulate {head['job']}\n"
        f"then: edit {device}\n"
        f"      lava-multinode boards{option}\n"
        f"      {real}"
    )
    return ExitCode.PASS


def _written(paths: Iterable[Path]) -> str:
    return json.dumps({"written": [str(path) for path in paths]})


def _schema(kind: str) -> bytes:
    from .schema import KINDS

    return (json.dumps(KINDS[kind](), indent=2) + "\n").encode()


def _test_image(path: Path, *, as_json: bool) -> ExitCode:
    """Write a copy of the test image; build it first if it is not in the cache."""
    from ..images.card import write_card
    from ..qemu.test_image.image_cache import cached_image

    if path.exists():
        raise InvalidJob.about(str(path), "already exists", "choose another file")
    image = cached_image(print_stderr)
    write_card(image, path, "image")
    print(_written([path]) if as_json else f"wrote {path}")  # noqa: T201
    return ExitCode.PASS


def _guest(path: Path, architecture: str, suite: str | None, *, as_json: bool) -> ExitCode:
    """Write root file system, kernel and ramdisk of an architecture."""
    from ..images.card import write_card
    from ..qemu.test_image.guest import cached_guest

    paths = [path, path.with_suffix(".kernel"), path.with_suffix(".ramdisk")]
    for each in paths:
        if each.exists():
            raise InvalidJob.about(str(each), "already exists", "choose another file")
    guest = cached_guest(architecture, print_stderr, suite=suite)
    write_card(guest.root, path, "image")
    for each, source in zip(paths[1:], (guest.kernel, guest.ramdisk), strict=True):
        _write(each, source.read_bytes())
    print(_written(paths) if as_json else f"wrote {', '.join(map(str, paths))}")  # noqa: T201
    return ExitCode.PASS


def _renew(*, as_json: bool) -> ExitCode:
    from ..qemu.test_image.image_cache import cached_image

    image = cached_image(print_stderr, renew=True)
    print(_written([image]) if as_json else f"built {image}")  # noqa: T201
    return ExitCode.PASS


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:  # fails if the file exists by now
            stream.write(content)
    except OSError as error:
        message = f"cannot write: {error.strerror or error}"
        raise InvalidJob.about(str(path), message) from error
