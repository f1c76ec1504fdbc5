"""Packages of another architecture, fetched with a private apt configuration."""

from __future__ import annotations

import os
import subprocess

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.qemu import debian

from ..needs import require


@pytest.fixture
def deb(tmp_path):
    """A function that makes a tiny real package of a version."""
    require("dpkg-deb")

    def make(version, directory):
        tree = tmp_path / f"tree{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(
            f"Package: tiny\nVersion: {version}\nArchitecture: armhf\n"
            "Maintainer: a <a@b>\nDescription: x\n"
        )
        (tree / "hello").write_text(f"there {version}\n")
        command = ["dpkg-deb", "-b", tree, directory / f"tiny_{version}_armhf.deb"]
        subprocess.run(command, check=True, capture_output=True)

    return make


@pytest.fixture
def package(tmp_path, deb):
    """A store with a package that was fetched before."""
    archives = tmp_path / "packages" / "archives"
    archives.mkdir(parents=True)
    deb(1, archives)
    (archives / "tiny.is").write_text("tiny_1_armhf.deb")
    return debian.DebianPackages(tmp_path / "packages")


def test_known_packages_need_no_network(package):
    """A second run sends no request; files are unpacked once."""
    tree = package.unpack("tiny")
    assert (tree / "hello").read_text() == "there 1\n"
    (tree / "hello").unlink()
    assert package.unpack("tiny") == tree
    assert not (tree / "hello").exists()


def test_renewing_replaces_older_packages(package, deb, tmp_path, monkeypatch):
    """The newest package is fetched; the older one and its files are removed."""
    old = package.unpack("tiny")
    archive, programs = tmp_path / "archive", tmp_path / "programs"
    archive.mkdir()
    programs.mkdir()
    deb(2, archive)
    for name, text in (
        ("apt-get", f'case "$*" in *download*) cp {archive}/*.deb . ;; esac'),
        ("apt-cache", "true"),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(debian, "KEYRING", programs / "apt-get")
    new = debian.DebianPackages(tmp_path / "packages", renew=True).unpack("tiny")
    assert (new / "hello").read_text() == "there 2\n"
    assert not old.exists()
    assert [path.name for path in sorted((tmp_path / "packages" / "archives").iterdir())] == [
        "tiny.is",
        "tiny_2_armhf.deb",
    ]
    assert debian.DebianPackages(tmp_path / "packages").unpack("tiny") == new


def test_hosts_without_apt(tmp_path, monkeypatch):
    """The error names Debian as the requirement."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InfrastructureError, match="no apt-get.*needs Debian"):
        debian.DebianPackages(tmp_path).unpack("tiny")


def test_packages_need_a_keyring(tmp_path, monkeypatch):
    """Without the keyring, nothing is fetched."""
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "no.gpg")
    monkeypatch.setattr(debian.shutil, "which", lambda name: name)
    with pytest.raises(InfrastructureError, match="apt-get install debian-archive-keyring"):
        debian.DebianPackages(tmp_path).unpack("tiny")
