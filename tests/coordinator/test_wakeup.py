"""What other threads want done in the loop's."""

import select

from lava_dispatcher_multinode.coordinator.wakeup import Commands


def readable(commands):
    """Whether a loop would wake."""
    return bool(select.select([commands], [], [], 0)[0])


def test_they_wake_and_are_done_in_order():
    """Those too that one of them posts."""
    commands, done = Commands(), []
    assert not readable(commands)
    commands.post(lambda: commands.post(lambda: done.append(2)))
    commands.post(lambda: done.append(1))
    assert readable(commands)
    commands.woken()
    assert not readable(commands)
    for command in commands.take():
        command()
    assert done == [1, 2]
    assert len(commands.queue) == 0
    commands.close()


def test_posting_never_blocks_or_fails():
    """Not when nobody takes any, nor when the loop is over."""
    commands = Commands()
    for _ in range(2000):
        commands.post(lambda: None)
    commands.close()
    commands.post(lambda: None)
    assert len(commands.queue) == 2001
