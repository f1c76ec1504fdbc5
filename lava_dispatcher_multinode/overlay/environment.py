"""The file `environment` of a node, with the group's data for tests and scripts."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from .layout import board_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CACHE = "/tmp/lava_multi_node_cache.txt"  # noqa: S108  existing definitions read it there


def environment(
    *,
    job_id: str,
    node: str,
    role: str,
    group: Sequence[tuple[str, str]],
    root: str = "",
    extra: Mapping[str, str] | None = None,
) -> str:
    """Return a POSIX shell script that exports the variables of `node`.

    `group` contains name and role of every node, in the job's order; `root` is the
    prefix of paths on the board; `extra` contains further variables, which do not
    override these. All values are quoted.
    """
    directory = root + board_directory(job_id)
    variables = {
        **(extra or {}),
        "LAVA_JOB_ID": job_id,
        "LAVA_DIR": directory,
        "LAVA_TEST_BIN": f"{directory}/bin",
        "LAVA_RESULT_DIR": f"{directory}/results",
        "LAVA_HOSTNAME": node,
        "TARGET_ROLE": role,
        "LAVA_GROUP": "\n".join(f"{name}\t{its_role}" for name, its_role in group),
        "LAVA_MULTI_NODE_CACHE": root + CACHE,
    }
    lines = [f"export {name}={quote(value)}" for name, value in variables.items()]
    # The file is sourced more than once in a run, so PATH must not grow.
    lines += [
        'case ":$PATH:" in',
        '    *":$LAVA_TEST_BIN:"*) ;;',
        '    *) export PATH="$LAVA_TEST_BIN:$PATH" ;;',
        "esac",
    ]
    return "\n".join(lines) + "\n"


def quote(value: str) -> str:
    """Return `value` as one word of a POSIX shell."""
    if "\0" in value:
        raise ValueError("a shell's word cannot hold a NUL")
    return shlex.quote(value)
