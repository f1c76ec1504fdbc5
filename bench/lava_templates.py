"""LAVA's device types as boards of this package: each template imported, its dialogue completed.

    python bench/lava_templates.py DIRECTORY ... [--page FILE] [--only NAME ...] [--jobs N]
                                   [--import]

A DIRECTORY has the templates of a lava-server (`/usr/share/lava-server/device-types`). Each is
rendered with a console and power commands, imported by a device file with `lava_device`, and its
kernel booted up to a shell against fake_boot_loader.py, which speaks as the dictionary says. The
lines that it was typed are compared with those of LAVA's own rule for their words.
Needs jinja2. `--import`: no dialogues. `--page`: write the table of the documentation's page.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jinja2
import jinja2.sandbox
import yaml

from lava_dispatcher_multinode.boards.deploy.tftp_boot import BootFiles
from lava_dispatcher_multinode.boards.hardware import connect
from lava_dispatcher_multinode.boards.standard_board import StandardBoard
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import InvalidJob, MultinodeError
from lava_dispatcher_multinode.images import uimage
from lava_dispatcher_multinode.images.store import Image
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lab.device_files import load_lab
from lava_dispatcher_multinode.lab.dictionary_translation import RefusedDictionary, translate
from lava_dispatcher_multinode.serve.servers import Servers

FAKE = Path(__file__).with_name("fake_boot_loader.py")
DIALOGUE_S = 240.0
KERNELS = {
    "booti": bytes(56) + b"ARM\x64" + bytes(64),
    "bootz": uimage.make_zimage(b"kernel"),
    "bootm": uimage.make(b"kernel", "Linux", uimage.KERNEL),
}
#: The values that a template without load addresses needs.
ADDRESSES = {
    f"booti_{name}_addr": f"0x8{number}000000"
    for number, name in enumerate(("kernel", "ramdisk", "dtb", "tee"))
}
BANNERS = {
    "u-boot": "\r\nU-Boot 2023.01 (Jan 09 2023 - 00:00:00 +0000)\r\n\r\nDRAM:  1 GiB\r\n",
    "barebox": "\r\n\r\nbarebox 2023.01.0 #1 Mon Jan 9 00:00:00 UTC 2023\r\n\r\n",
    "grub": "\r\nGRUB loading...\r\nWelcome to GRUB!\r\n\r\n",
    "none": "\r\nROM\r\n",
}

#: What stands around GRUB's menu; LAVA's templates have a part of it.
GRUB_MENU = (
    "      Use the ^ and v keys to select which entry is highlighted.\r\n"
    "      Press enter to boot the selected OS, `e' to edit the commands\r\n"
    "      before booting or `c' for a command-line."
)


class Outcome(NamedTuple):
    """What became of a template."""

    name: str
    result: str  # "complete", "imported" (without a dialogue), "failed" or "refused"
    detail: str  # the boot loader; a reason for a refusal: a word, and the message
    message: str = ""


def environment(directory):
    """Return jinja2 as LAVA's server sets it up."""
    made = jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(directory), trim_blocks=True, autoescape=False
    )
    made.filters["shlex_quote"] = lambda value: shlex.quote(str(value))
    made.filters["yaml_quote"] = lambda value: json.dumps(str(value))
    made.filters["qemu_guest_fs_interface"] = lambda arch, given=None: given or arch
    return made


def names(directory):
    """Return the names of the device types, without base templates, which are parts of them."""
    found = sorted(path.stem for path in Path(directory).glob("*.jinja2"))
    return [name for name in found if name != "base" and not name.startswith("base-")]


def render(templates, name, place):
    """Return the dictionary of a board of type `name`, whose fake is in the directory `place`."""
    power = f"sh -c {shlex.quote(f'echo %s > {place}/power')}"
    console = shlex.join([sys.executable, str(FAKE), f"{place}/speech.json", f"{place}/power"])
    values = {
        "connection_command": json.dumps(console),
        "hard_reset_command": json.dumps(power % "reset"),
        "power_on_command": json.dumps(power % "on"),
        "power_off_command": json.dumps(power % "off"),
        "hostname": "board",
    }
    template = templates.get_template(f"{name}.jinja2")
    text = template.render(values)
    if "{KERNEL_ADDR}" in text and not re.search(r"^  boot[imz]:", text, re.MULTILINE):
        text = template.render(values | ADDRESSES)  # those of the lab's board
    return text


def imported(text, name):
    """Return the translation of a dictionary, or the `Outcome` of its refusal."""
    try:
        return translate(from_bytes(text.encode(), f"{name}.yaml", Path.cwd()))
    except RefusedDictionary as error:
        return Outcome(name, "refused", error.reason, error.problems[0].message)
    except InvalidJob as error:
        message = error.problems[0].message
        reason = "a key twice" if "duplicated" in message else "no dictionary"
        return Outcome(name, "refused", reason, message)


def expected_lines(data, method, commands, values):
    """Return the lines that LAVA would type: its rule for words, as its documentation has it."""
    lines = data["actions"]["boot"]["methods"][method][commands]["commands"]
    found = []
    for line in lines:
        done = str(line)
        for word, value in values.items():
            if word in done:
                done = done.replace(word, value) if value else ""
        if done.strip():
            found.append(done.strip())
    return found


def speech_of(data, loader, place):
    """Return what the fake says: the texts of the dictionary itself, not of its translation."""
    methods = data["actions"]["boot"]["methods"]
    name = next((each for each in (loader, "grub-efi") if each in methods), None)
    parameters = (methods[name] or {}).get("parameters") or {} if loader != "none" else {}
    constants = data["constants"].get(name) or {}
    prompt = re.sub(r"\\(.)", r"\1", str(parameters.get("bootloader_prompt") or ""))
    countdown = parameters.get("interrupt_prompt") or constants.get("interrupt-prompt") or ""
    key = parameters.get("interrupt_char")
    key = constants.get("interrupt-character") if key is None else key
    names = parameters.get("interrupt_ctrl_list") or constants.get("interrupt_ctrl_list")
    key = chr(ord(names[0]) - ord("a") + 1) if names else key  # "c" is Ctrl-C
    waits = parameters.get("needs_interrupt", True) and loader != "none"
    if loader == "grub":
        countdown = GRUB_MENU
    return {
        "banner": BANNERS[loader],
        "countdown": countdown if waits and countdown != prompt else "",
        "key": (key or "").replace("\n", ""),
        "prompt": prompt and prompt + (" " if prompt[-1:] in "#>:/$" else " # "),
        "start": str(place / "start"),
        "typed": str(place / "typed"),
    }


def dialogue(name, text, found, place):
    """Boot a board by its device file; return the `Outcome`."""
    data = yaml.safe_load(text)
    loader = found.keys["bootloader"]
    config, served = place / "lab" / "devices", place / "tftp"
    config.mkdir(parents=True)
    served.mkdir()
    os.mkfifo(place / "power")
    (config / "board.dict").write_text(text)
    own = {
        "device_type": name,
        "lava_device": "board.dict",
        "dispatcher_ip": "127.0.0.1",
        "boot": {"retries": 1},
    }
    if loader != "none":
        own["deploy"] = {"tftp": {"directory": str(served)}}
    (config / "board.yaml").write_text(yaml.safe_dump(own))
    lab = load_lab(place / "lab")
    if lab.invalid:
        return Outcome(name, "failed", loader, str(lab.invalid["board"].error))
    (device,) = lab.devices
    kernel = next((each for each in KERNELS if data["parameters"].get(each)), "bootm")
    files = {"kernel": KERNELS[kernel], "ramdisk": b"ramdisk", "dtb": uimage.FDT_MAGIC + bytes(60)}
    images = {}
    for each, content in files.items():
        (place / each).write_bytes(content)
        images[each] = Image(str(place / each), place / each, place / each)
    steps, typed = [], place / "typed"
    started = time.monotonic()
    transcript = Transcript(place / "node", lambda: time.monotonic() - started)
    with Servers() as servers:
        console = None
        try:
            (place / "speech.json").write_text(json.dumps(speech_of(data, loader, place)))
            hardware = connect(device, None, steps.append)
            console = Console(
                hardware.transport, transcript, character_delay=device.connection.character_delay
            )
            board = StandardBoard(device, console, hardware, steps.append, lambda *_, **__: None)
            lines = []
            if loader != "none":
                board.deploy_kernel(
                    BootFiles(**images), servers, Deadline(DIALOGUE_S, "dialogue"), None
                )
                lines = expected(data, found, kernel, served)
            (place / "start").write_text(lines[-1] if lines else "")
            shell = board.boot(Deadline(DIALOGUE_S, "dialogue"))
            code, output = shell.run("echo $((6 * 7))")
            board.power_off()
        except MultinodeError as error:
            return Outcome(name, "failed", loader, str(error))
        finally:
            if console is not None:
                console.close()
            transcript.close()
    got = typed.read_text().splitlines() if typed.exists() else []
    if (code, output.strip()) != (0, "42"):
        return Outcome(name, "failed", loader, f"the shell answered {code} {output!r}")
    if got != lines:
        return Outcome(name, "failed", loader, f"typed {got}, LAVA would type {lines}")
    return Outcome(name, "complete", loader)


def expected(data, found, kernel, served):
    """Return LAVA's lines for the files that are served."""
    paths = {path.name: f"{path.parent.name}/{path.name}" for path in served.glob("*/*")}
    addresses = data["parameters"].get(kernel) or {}
    header = (data["actions"]["deploy"].get("parameters") or {}).get("add_header")
    size = ":${initrd_size}" if header == "raw" else ""
    where = [addresses.get(each) for each in ("kernel", "ramdisk", "dtb")]
    boot = f"{kernel} {where[0]} {where[1]}{size} {where[2]}"
    loader = found.keys["bootloader"]
    methods = data["actions"]["boot"]["methods"]
    method = loader if loader in methods else "grub-efi"
    commands = next(each for each in ("ramdisk", "tftp") if each in methods[method])
    values = {
        "{SERVER_IP}": "127.0.0.1",
        "{KERNEL}": paths["kernel"],
        "{RAMDISK}": paths["ramdisk"],
        "{DTB}": paths["dtb"],
        "{KERNEL_ADDR}": addresses.get("kernel"),
        "{RAMDISK_ADDR}": addresses.get("ramdisk"),
        "{DTB_ADDR}": addresses.get("dtb"),
        "{BOOTX}": boot,
        **dict.fromkeys(("{TEE}", "{TEE_ADDR}", "{APPLY_DTBO_COMMANDS}", "{DTB_BASE_ADDR}")),
        **dict.fromkeys(("{DTB_BASE_RESIZE}", "{DTBO_ADDR}")),
    }
    return expected_lines(data, method, commands, values)


def outcome(templates, name, *, talk):
    """Return the `Outcome` of one template."""
    with tempfile.TemporaryDirectory() as scratch:
        text = render(templates, name, scratch)
        found = imported(text, name)
        if isinstance(found, Outcome):
            return found
        if not talk:
            return Outcome(name, "imported", found.keys["bootloader"])
        return dialogue(name, text, found, Path(scratch))


HEAD = "| device type |"


def with_types_table(text, rows_by_version):
    """Return a page of the documentation with the table of the outcomes by version."""
    found = {row.name: {} for rows in rows_by_version.values() for row in rows}
    for version, rows in rows_by_version.items():
        for row in rows:
            what = row.detail if row.result != "refused" else f"refused: {row.detail}"
            found[row.name][version] = what
    lines = [" | ".join([HEAD[:-2], *rows_by_version]) + " |", "|---" * (len(rows_by_version) + 1)]
    lines[1] += "|"
    for name in sorted(found):
        cells = [found[name].get(version, "") for version in rows_by_version]
        lines.append(f"| {' | '.join([f'`{name}`', *cells])} |".replace("|  |", "| |"))
    before, _, _ = text.partition(HEAD)
    return before + "\n".join(lines) + "\n"


def version_of(directory):
    """Return the version of the LAVA whose templates are in `directory`."""
    packages = Path(directory, "../../../lib/python3/dist-packages")
    return (packages / "lava_common/VERSION").read_text("utf-8").strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directories", type=Path, nargs="+", metavar="DIRECTORY")
    parser.add_argument("--only", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--import", dest="talk", action="store_false")
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    found, failed = {}, 0
    for directory in options.directories:
        templates = environment(directory)
        wanted = options.only or names(directory)
        with ThreadPoolExecutor(options.jobs) as pool:
            work = partial(outcome, templates, talk=options.talk)
            rows = list(pool.map(work, wanted))
        print(f"{directory}: {len(rows)} device types")
        for result, count in Counter(row.result for row in rows).most_common():
            print(f"{count:4} {result}")
            details = Counter(row.detail for row in rows if row.result == result)
            for detail, number in details.most_common():
                print(f"     {number:4} {detail}")
        for row in rows:
            if row.result == "failed":
                print(f"{row.name}: {row.message}")
        failed += sum(row.result == "failed" for row in rows)
        if options.page:
            found[version_of(directory)] = rows
    if options.page:
        options.page.write_text(with_types_table(options.page.read_text("utf-8"), found), "utf-8")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
