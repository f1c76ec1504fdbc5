"""The overlay of one node: built from its definitions, delivered once per boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..boards.delivery.bundle import OverlayBundle
from ..boards.delivery.deliver import deliver
from ..boards.shell_files import CHECKSUMS, ShellUploader
from ..overlay.environment import environment
from ..overlay.layout import board_directory
from .action import RUN_TESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..overlay.load import Definition
    from .context import Node


def stages_of(node: Node) -> dict[int, Sequence[Definition]]:
    """Return the definitions of each lava_test_shell of the node, by its index from 0."""
    own = [spec for spec in node.job.actions_of(node.role) if spec.command == RUN_TESTS]
    return {stage: node.services.overlays.definitions(spec) for stage, spec in enumerate(own)}


def make_bundle(node: Node) -> OverlayBundle | None:
    """Return the node's overlay; None if it runs no tests."""
    stages = stages_of(node)
    if not stages:
        return None
    services, root = node.services, node.board.root
    role = next(role for role in node.job.roles if role.name == node.role)
    text = environment(
        job_id=services.job_id, node=node.name, role=node.role, group=services.group, root=root,
        extra=role.environment,
    )  # fmt: skip
    return OverlayBundle(
        services.overlays.tarball(stages), board_directory(services.job_id), text.encode(), root
    )


def deliver_overlay(node: Node) -> None:
    """Deliver scripts, definitions and the node's environment, unless this boot has them."""
    board = node.board
    if node.overlay_boot == board.boots:
        return
    shell = board.shell
    assert shell is not None
    shell.deadline = node.deadline
    bundle = make_bundle(node)
    assert bundle is not None  # an action runs tests
    uploader = ShellUploader(shell)
    deliver(
        uploader,
        bundle,
        board.device,
        node.services.servers,
        node.step,
        in_image=node.overlay_in_image,
    )
    _put_secrets(node, uploader)
    node.overlay_boot = board.boots


def _put_secrets(node: Node, uploader: ShellUploader) -> None:
    """Upload the files for root only: the job's secrets, and the node's socket channel.

    Do not upload them where their content would appear in the log: on a line that echoes each
    piece, or on a board that checks an upload by printing it. Without a socket channel, calls go
    over the console; so do calls of tests that have changed their user.
    """
    shell = uploader.shell
    given = {
        ("socket", "multinode: socket is not used"): node.services.socket_channels.file(node.name),
        ("secrets", "the job's secrets are not on the board"): node.job.secrets,
    }
    files = {place: data for place, data in given.items() if data}
    if not files:
        return
    if shell.fifo or not any(shell.has(program) for program in CHECKSUMS):
        why = "connection.fifo" if shell.fifo else f"a board without {', '.join(CHECKSUMS)}"
        for _, lost in files:
            node.log("WARNING", f"{lost}: {why} would show the upload in the log")
        return
    shell.run("lava_umask=$(umask); umask 077")
    for (name, _), data in files.items():
        uploader.upload(data, f"{node.board.root}{board_directory(node.services.job_id)}/{name}")
    shell.run("umask $lava_umask")
