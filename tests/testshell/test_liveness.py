"""When a silent board is pinged, and when it counts as dead."""

from __future__ import annotations

import math

from lava_dispatcher_multinode.testshell.liveness import (
    FINAL_PING_LEAD_S,
    MIN_PING_TIMEOUT_S,
    PING_INTERVAL_S,
    LivenessMonitor,
)


def test_output_restarts_the_silence():
    """Every byte restarts the silence."""
    monitor = LivenessMonitor(30.0, 1000.0, 0.0)
    assert monitor.due() == 30.0
    monitor.heard(20.0)
    assert monitor.due() == 50.0


def test_an_answered_ping_restarts_the_silence():
    """On a board that answers pings, a test may be silent for hours."""
    monitor = LivenessMonitor(30.0, 1000.0, 0.0)
    monitor.pinged(30.0)
    monitor.heard(30.1)
    monitor.answered()
    assert not monitor.board_dead(500.0)
    assert not monitor.runner_gone(500.0)
    assert monitor.due() == 60.1


def test_output_without_an_answer_to_pings_means_no_runner():
    """A shell only echoes pings; it is pinged for a minute, since lines lose data."""
    monitor = LivenessMonitor(30.0, 1000.0, 0.0)
    for now in range(30, 90, 5):
        assert monitor.due() == now
        monitor.pinged(now)
        monitor.heard(now + 0.1)
        assert not monitor.runner_gone(now + 4.9)
    assert monitor.runner_gone(90.0)


def test_no_answer_is_death_after_as_long_again():
    """Pings are repeated, since a line may lose one."""
    monitor = LivenessMonitor(30.0, 1000.0, 0.0)
    monitor.pinged(30.0)
    assert monitor.due() == 30.0 + PING_INTERVAL_S
    monitor.pinged(35.0)
    assert monitor.dead_at() == 60.0
    assert not monitor.board_dead(59.9)
    assert monitor.board_dead(60.0)


def test_the_board_is_pinged_before_the_deadline():
    """A hanging test and a hanging board are different failures."""
    monitor = LivenessMonitor(600.0, 100.0, 0.0)
    monitor.heard(89.0)
    assert monitor.due() == 100.0 - FINAL_PING_LEAD_S
    monitor.pinged(90.0)
    assert not monitor.board_dead(99.0)
    assert monitor.board_dead(100.0)


def test_at_the_deadline_only_an_answer_counts():
    """A login prompt that echoes pings is a runner that has ended, not a slow test."""
    monitor = LivenessMonitor(600.0, 100.0, 0.0)
    monitor.pinged(90.0)
    monitor.heard(90.1)
    assert not monitor.runner_gone(99.9)
    assert monitor.runner_gone(100.0)
    monitor.answered()
    assert not monitor.runner_gone(100.0)


def test_a_prompt_causes_a_ping_at_once():
    """After a prompt, it has 15 s to answer, whatever `silence` is."""
    monitor = LivenessMonitor(600.0, 1000.0, 0.0)
    monitor.prompted(20.0)
    assert monitor.due() == 20.0
    monitor.pinged(20.0)
    monitor.heard(20.1)
    assert monitor.due() == 20.0 + PING_INTERVAL_S
    assert not monitor.runner_gone(34.9)
    assert monitor.runner_gone(35.0)


def test_an_answer_explains_a_prompt():
    """An answered prompt was a test's; the next one is checked after the ping interval."""
    monitor = LivenessMonitor(600.0, 1000.0, 0.0)
    monitor.prompted(20.0)
    monitor.pinged(20.0)
    monitor.answered()
    assert monitor.due() == 600.0
    monitor.prompted(21.0)
    monitor.answered()  # to the ping before this prompt
    assert monitor.due() == 20.0 + PING_INTERVAL_S
    monitor.pinged(25.0)
    assert monitor.runner_gone(40.0)


def test_a_short_silence_is_a_short_patience():
    """A short `silence` also shortens the timeout of a ping."""
    monitor = LivenessMonitor(5.0, 1000.0, 0.0)
    monitor.prompted(1.0)
    monitor.pinged(1.0)
    assert not monitor.runner_gone(5.9)
    assert monitor.runner_gone(6.0)


def test_a_ping_just_before_the_deadline_proves_nothing():
    """A board with output shortly before the deadline is alive."""
    monitor = LivenessMonitor(600.0, 100.0, 0.0)
    monitor.heard(94.0)
    monitor.pinged(100.0 - MIN_PING_TIMEOUT_S / 2)
    assert not monitor.board_dead(100.0)


def test_silence_0_disables_pings():
    """`silence: 0` disables pings, for suspended boards."""
    monitor = LivenessMonitor(0.0, 100.0, 0.0)
    assert monitor.due() == math.inf
    assert not monitor.board_dead(1000.0)
