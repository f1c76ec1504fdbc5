"""lava-multinode completion."""

import subprocess

import pytest

from lava_dispatcher_multinode.commands import completion, lava_multinode

from ..needs import require


@pytest.mark.parametrize("command", completion.COMMANDS)
@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_shell_gets_a_script(shell, command, capsys):
    """Every shell has a script for both commands."""
    assert lava_multinode.main(["completion", shell, "--command", command]) == 0
    assert command in capsys.readouterr().out


def test_bash_completes(capsys):
    """bash completes verbs, options and choices."""
    lava_multinode.main(["completion", "bash"])
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


@pytest.mark.parametrize("command", completion.COMMANDS)
@pytest.mark.parametrize(("shell", "check"), [("zsh", "-n"), ("fish", "--no-execute")])
def test_other_shells_parse_their_script(shell, check, command, tmp_path, capsys):
    """zsh and fish find no syntax error."""
    require(shell)
    lava_multinode.main(["completion", shell, "--command", command])
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    done = subprocess.run([shell, check, script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_fish_completes(tmp_path, capsys):
    """fish completes verbs and options."""
    require("fish")
    lava_multinode.main(["completion", "fish"])
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)

    def offered(line):
        program = f"source {script}; complete -C '{line}'"
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_CONFIG_HOME": "/"}
        done = subprocess.run(
            ["fish", "-N", "-c", program], capture_output=True, text=True, env=environment
        )
        assert done.stderr == ""
        return [offer.partition("\t")[0] for offer in done.stdout.splitlines()]

    assert "power" in offered("lava-multinode po")
    assert "--config-dir" in offered("lava-multinode boards --co")


def test_zsh_completes(tmp_path, capsys):
    """zsh loads the script as a completion function."""
    require("zsh")
    lava_multinode.main(["completion", "zsh"])
    (tmp_path / "_lava-multinode").write_text(capsys.readouterr().out)
    program = (
        f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -d {tmp_path}/dump; "
        "print $_comps[lava-multinode]; autoload +X _lava-multinode && print loaded"
    )
    done = subprocess.run(["zsh", "-f", "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["_lava-multinode", "loaded"], done.stderr
