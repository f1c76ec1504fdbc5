"""lava-multinode completion."""

import subprocess

import pytest

from lava_dispatcher_multinode.commands import completion, multinode

pytest.importorskip("shtab")


@pytest.mark.parametrize("command", completion.COMMANDS)
@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_shell_gets_a_script(shell, command, capsys):
    """For both commands, with their options."""
    assert multinode.main(["completion", shell, "--command", command]) == 0
    assert command in capsys.readouterr().out


def test_bash_completes(capsys):
    """bash itself offers verbs, a verb's options and its choices."""
    multinode.main(["completion", "bash"])
    script = capsys.readouterr().out

    def offered(*words):
        line = " ".join(words)
        program = (
            f"{script}\nCOMP_WORDS=({line}); [[ '{line}' = *' ' ]] && COMP_WORDS+=('')\n"
            "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
            "_shtab_lava_multinode\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
        )
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
        return done.stdout.split()

    assert "power" in offered("lava-multinode", "po")
    assert "--config-dir" in offered("lava-multinode", "boards", "--co")
    assert {"on", "off", "cycle"} <= set(offered("lava-multinode", "power", "panda01", ""))
