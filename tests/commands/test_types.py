"""lava-multinode types."""

from __future__ import annotations

import json
from pathlib import Path

from lava_dispatcher_multinode.commands.lava_multinode import main


def test_each_name_has_its_origins(tmp_path, capsys):
    """Device types have their files, lowest first; plug-ins their package with its version."""
    types = tmp_path / "device-types"
    types.mkdir()
    (types / "panda.yaml").write_text("boot: {retries: 1}\n")
    (types / "rock5.yaml").write_text("aliases: [rock-5]\n")
    assert main(["types", "--json", "--config-dir", str(tmp_path)]) == 0
    rows = {(row["kind"], row["name"]): row for row in json.loads(capsys.readouterr().out)}
    package, own = rows["device type", "panda"]["origins"]
    assert package.endswith("lab/defaults/device-types/panda.yaml")
    assert own == str(types / "panda.yaml")
    rock = rows["device type", "rock5"]
    assert (rock["origins"], rock["aliases"]) == ([str(types / "rock5.yaml")], ["rock-5"])
    (loader,) = rows["boot loader", "u-boot"]["origins"]
    assert loader.startswith("lava-dispatcher-multinode ")
    assert ("action", "lava_test_shell") in rows
    assert ("job parser", "device_group") in rows


def test_the_list_for_people(tmp_path, capsys):
    """One section for each kind, with aliases."""
    assert main(["types", "--config-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("DEVICE TYPES\n")
    assert "(also beagle-xm)" in out
    assert "\nBOOT LOADERS\n" in out


def test_the_types_of_a_lava_server(tmp_path, monkeypatch, capsys):
    """Each device type beside `LAVA_DISPATCHER_PATH` has its template; bases are parts."""
    templates = tmp_path / "usr/share/lava-server/device-types"
    packages = tmp_path / "usr/lib/python3/dist-packages"
    for directory in (templates, packages):
        directory.mkdir(parents=True)
    for name in ("base", "base-uboot", "rock5-of-lava"):
        (templates / f"{name}.jinja2").touch()
    monkeypatch.setenv("LAVA_DISPATCHER_PATH", str(packages))
    assert main(["types", "--json", "--config-dir", str(tmp_path)]) == 0
    rows = [row for row in json.loads(capsys.readouterr().out) if row["kind"].startswith("LAVA")]
    found = {row["name"]: row["origins"] for row in rows}
    (origin,) = found["rock5-of-lava"]
    assert Path(origin).samefile(templates / "rock5-of-lava.jinja2")
    assert "base" not in found
    assert "base-uboot" not in found
