"""The commands in the documentation are valid."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lava_dispatcher_multinode.commands import lava_multinode
from lava_dispatcher_multinode.commands.dispatch import build_parser
from lava_dispatcher_multinode.commands.web import expand_web_option

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorial/first-group.md"
# A command line in a code block, from the command on; a synopsis, with brackets, does not match.
TYPED = re.compile(r"^    .*?\b(lava-(?:dispatch|multinode) [^\[\n…]*)$", re.MULTILINE)
COMMANDS = [
    (page, line)
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    for line in TYPED.findall(page.read_text())
    if "VERB" not in line and "--group NAME" not in line
]


def words_of(line):
    """Return a command line's program and arguments, without pipes, redirections and comments."""
    words = shlex.split(re.split(r" [|>&]|;", line)[0], comments=True)
    return words[0], expand_web_option(words[1:])


@pytest.mark.parametrize(
    ("page", "line"), COMMANDS, ids=lambda value: value if isinstance(value, str) else value.stem
)
def test_every_documented_command_parses(page, line):
    """The program accepts the subcommand, its options and their values."""
    name, words = words_of(line)
    parser = build_parser() if name == "lava-dispatch" else lava_multinode.build_parser(words[:1])
    try:
        parser.parse_args(words)
    except SystemExit as end:
        pytest.fail(f"{page}: {line}: exit code {end.code}")


def test_commands_are_found():
    """The pattern still matches the documentation's command lines."""
    assert len(COMMANDS) > 25


@pytest.mark.slow
def test_the_tutorial_works_as_printed(tmp_path):
    """The tutorial's job validates, runs, fails with a fault and warns of the misspelling."""
    text = TUTORIAL.read_text()
    roles, steps = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("LAVA_")} | {"PATH": path}

    def typed(place, folder):
        """Run the page's command line that starts with `place`; return the completed process."""
        (line,) = (line for line in text.splitlines() if re.match(rf"    {place}", line))
        return subprocess.run(
            line.strip(),
            shell=True,
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=100,
        )

    assert typed("lava-multinode init first", tmp_path).returncode == 0
    first = tmp_path / "first"
    job = yaml.safe_load((first / "job.yaml").read_text())
    job |= yaml.safe_load(roles)
    (definition,) = job["actions"][1]["parameters"]["definitions"]
    definition |= yaml.safe_load(steps)
    (first / "job.yaml").write_text(yaml.safe_dump(job, width=1000))
    assert typed("lava-dispatch --validate", first).returncode == 0
    done = typed("lava-dispatch --simulate job", first)
    assert (done.returncode, "exit code 0" in done.stdout) == (0, True)
    failed = typed("LAVA_SIMULATED_FAULTS=", first)
    assert failed.stdout.endswith("\n3\n")
    assert "no device is left that could send it: panda01 failed" in failed.stdout
    wrong = (first / "job.yaml").read_text().replace("lava-wait greeting", "lava-wait greting")
    (first / "job.yaml").write_text(wrong)
    assert "did you mean 'greeting'?" in typed("lava-dispatch --validate", first).stderr
