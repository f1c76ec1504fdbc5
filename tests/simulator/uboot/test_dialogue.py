"""The console of U-Boot: editing, repetition, limits."""

import pytest

from lava_dispatcher_multinode.simulator.faults import Reset
from lava_dispatcher_multinode.simulator.uboot.dialogue import MAX_LINE_CHARS

PROMPT = "Panda # "
LANGUAGE = r"""
echo a  "b  c" 'd'e\f
if true; then echo a; else echo b; fi
if false; then echo a; else echo b; fi
if false; then echo a; elif true; then echo c; else echo b; fi
if false; then echo a; fi
if test -n "${nosuch}"; then echo a; else echo b; fi
setenv v 1 2; for i in $v 3; do echo <$i>; done
for i in a b; do if test $i = a; then echo A; else echo B; fi; done
while false; do echo z; done
x=a; while test $x = a; do echo once; x=b; done
x=a; until test $x = b; do echo once; x=b; done
false; while false; do true; done
true && echo yes || echo no
false && echo yes || echo no
false || if true; then echo in; fi && echo after
if true && false; then echo a; else echo b; fi
if false || true; then echo a; fi
true && if false; then echo a; else false; fi || echo alt
echo ${nosuch:-y}
echo ${v:-y}
echo "${nosuch:-y z}"
echo ${v:+set} ${nosuch:+set} end
test 1 -eq 1
test 0x10 -eq 16
test 1 -lt 2 -a 2 -gt 3
test 1 -lt 2 -o 2 -gt 3
test ! -n "a"
test -z ""
test a
test
test a = a
test a != a
test b > a
test b < a
run nosuchvar
env import -c 0x40000000 10
setenv ethaddr nonsense
setenv nothing; printenv nothing
fi
done
setenv q 'if test a = a; then echo yes; fi'; run q
setenv r 'false; echo on'; run r
setenv s 'echo one; false'; run s
run s r
env exists q
env exists nosuch
echo $?x
nosuchcommand
for i in; do echo $i; done
echo a;echo b
if true;then echo tight;fi
false; if true; then echo $?; fi
if false; then true; fi; echo $?
echo '$v' "$v" \$v
x=5; echo ${x}
false || false || echo c
true || echo a && echo b
true && true && echo d
true || echo a; echo b
false && echo a; echo b
if false && true || true; then echo a; else echo b; fi
false; for i in; do true; done
for i in a b; do echo $i && false; done
setenv t 'if test'; run t
if test a = a && test b = b; then echo both; fi
true && if test -n "${v}"; then echo set; else echo unset; fi
""".strip().splitlines()


def test_echo_and_answer(u_boot):
    """Input is echoed; output and prompt follow."""
    assert u_boot("echo hello") == f"echo hello\nhello\n{PROMPT}"


def test_unknown_command(u_boot):
    """The error for an unknown command names it."""
    assert "Unknown command 'frobnicate' - try 'help'" in u_boot("frobnicate 1 2")


def test_empty_line_repeats(u_boot):
    """An empty line repeats the last command: a driver must not send CR LF."""
    assert u_boot("echo once", "").count("\nonce\n") == 2


def test_backspace(u_boot):
    """Backspace deletes the last character, on the screen too."""
    assert "\nhello\n" in u_boot("echo helx\blo")
    assert "\b \b" in u_boot("echo helx\x7flo")


def test_line_can_be_killed(u_boot):
    """Ctrl-U deletes the whole line."""
    assert "\ngood\n" in u_boot("echo bad\x15echo good")


def test_interrupt(u_boot):
    """Ctrl-C drops the line."""
    assert u_boot("echo no\x03echo yes") == f"echo no<INTERRUPT>\n{PROMPT}echo yes\nyes\n{PROMPT}"


def test_line_limit(u_boot):
    """Characters beyond CONFIG_SYS_CBSIZE are echoed, but lost."""
    text = "x" * MAX_LINE_CHARS
    answer = u_boot(f"echo {text}").splitlines()
    assert answer[0] == f"echo {text}"
    assert answer[1] == "x" * (MAX_LINE_CHARS - 1 - len("echo "))


def test_variables(u_boot):
    """Variables are set, expanded and split; setting to nothing removes them."""
    assert "\n<1 2>\n" in u_boot("setenv a '1 2'", 'echo "<${a}>"')
    assert '"a" not defined' in u_boot("setenv a 1", "setenv a", "printenv a")
    assert "\n7\n" in u_boot("local=7", "echo ${local}")


def test_status(u_boot):
    """$? && and || follow the last command's status."""
    assert "\n1\n" in u_boot("false; echo $?")
    assert "\nyes\n" in u_boot("false || echo yes")


@pytest.mark.parametrize("line", ["echo 'a", "if true; then echo a", "for i in a"])
def test_an_incomplete_command_continues_on_the_next_line(u_boot, line):
    """U-Boot prompts for the rest; Ctrl-C drops it all."""
    answer = u_boot(line, "\x03echo b")
    assert answer == f"{line}\n> <INTERRUPT>\n{PROMPT}echo b\nb\n{PROMPT}"
    assert "> b'\na\nb\n" in u_boot("echo 'a", "b'")
    assert "> fi\na\n" in u_boot("if true; then echo a", "fi")


@pytest.mark.slow
@pytest.mark.needs("qemu-system-arm", "u-boot-qemu")
def test_the_language_is_that_of_a_real_u_boot(u_boot, real_u_boot):
    """Outputs and statuses are those of Debian's U-Boot on QEMU."""
    lines = [each for line in LANGUAGE for each in (line, "echo status $?")]
    answers = u_boot(*lines).split(PROMPT)[:-1]
    simulated = [answer.partition("\n")[2] for answer in answers]
    real = [real_u_boot(line) for line in lines]
    assert list(zip(lines, simulated, strict=True)) == list(zip(lines, real, strict=True))


def test_nesting_is_bounded(u_boot):
    """A variable that runs itself ends with an error, not with the process."""
    assert "too many nested" in u_boot("setenv loop 'run loop'", "run loop")


@pytest.mark.parametrize("command", ["bootm 0x10", "bootz 0xc0000000"])
def test_data_abort(u_boot, command):
    """An access outside the memory resets the board."""
    with pytest.raises(Reset):
        u_boot(command)
    assert "data abort" in u_boot.board.serial.output
    assert "Resetting CPU ..." in u_boot.board.serial.output
