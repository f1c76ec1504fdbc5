"""When a silent board is asked, and when it is dead."""

from __future__ import annotations

import math

from lava_dispatcher_multinode.testshell.liveness import BEFORE_DEADLINE, EVERY, LEAST, Vigil


def test_a_board_that_speaks_is_not_asked():
    """Every byte begins the silence anew."""
    vigil = Vigil(30.0, 1000.0, 0.0)
    assert vigil.due() == 30.0
    vigil.heard(20.0)
    assert vigil.due() == 50.0


def test_an_answer_ends_the_vigil():
    """A test may be silent for hours on a board that answers."""
    vigil = Vigil(30.0, 1000.0, 0.0)
    vigil.asked(30.0)
    vigil.heard(30.1)
    vigil.answered()
    assert not vigil.is_dead(500.0)
    assert not vigil.is_alone(500.0)
    assert vigil.due() == 60.1


def test_a_board_that_speaks_and_does_not_answer_has_no_runner():
    """A shell echoes what it is asked; it is asked for a minute, since a line may lose much."""
    vigil = Vigil(30.0, 1000.0, 0.0)
    for now in range(30, 90, 5):
        assert vigil.due() == now
        vigil.asked(now)
        vigil.heard(now + 0.1)
        assert not vigil.is_alone(now + 4.9)
    assert vigil.is_alone(90.0)


def test_no_answer_is_death_after_as_long_again():
    """It is asked again meanwhile, since a line may lose a question."""
    vigil = Vigil(30.0, 1000.0, 0.0)
    vigil.asked(30.0)
    assert vigil.due() == 30.0 + EVERY
    vigil.asked(35.0)
    assert vigil.dead_at() == 60.0
    assert not vigil.is_dead(59.9)
    assert vigil.is_dead(60.0)


def test_before_the_deadline_a_board_is_asked():
    """Whether the test hangs or the board is not the same failure."""
    vigil = Vigil(600.0, 100.0, 0.0)
    vigil.heard(89.0)
    assert vigil.due() == 100.0 - BEFORE_DEADLINE
    vigil.asked(90.0)
    assert not vigil.is_dead(99.0)
    assert vigil.is_dead(100.0)


def test_at_the_deadline_only_an_answer_counts():
    """A login prompt echoes what it is asked: that is no test that takes too long."""
    vigil = Vigil(600.0, 100.0, 0.0)
    vigil.asked(90.0)
    vigil.heard(90.1)
    assert not vigil.is_alone(99.9)
    assert vigil.is_alone(100.0)
    vigil.answered()
    assert not vigil.is_alone(100.0)


def test_a_prompt_is_asked_about_at_once():
    """And it has a quarter of a minute to answer, rather than the silence."""
    vigil = Vigil(600.0, 1000.0, 0.0)
    vigil.prompted(20.0)
    assert vigil.due() == 20.0
    vigil.asked(20.0)
    vigil.heard(20.1)
    assert vigil.due() == 20.0 + EVERY
    assert not vigil.is_alone(34.9)
    assert vigil.is_alone(35.0)


def test_an_answer_explains_a_prompt():
    """A test has printed it; the next one is asked about no sooner than EVERY allows."""
    vigil = Vigil(600.0, 1000.0, 0.0)
    vigil.prompted(20.0)
    vigil.asked(20.0)
    vigil.answered()
    assert vigil.due() == 600.0
    vigil.prompted(21.0)
    vigil.answered()  # to the question before this prompt
    assert vigil.due() == 20.0 + EVERY
    vigil.asked(25.0)
    assert vigil.is_alone(40.0)


def test_a_short_silence_is_a_short_patience():
    """A lab that says how long its boards may be silent is obeyed here, too."""
    vigil = Vigil(5.0, 1000.0, 0.0)
    vigil.prompted(1.0)
    vigil.asked(1.0)
    assert not vigil.is_alone(5.9)
    assert vigil.is_alone(6.0)


def test_a_question_too_late_for_an_answer_proves_nothing():
    """A board that has spoken shortly before the deadline is alive."""
    vigil = Vigil(600.0, 100.0, 0.0)
    vigil.heard(94.0)
    vigil.asked(100.0 - LEAST / 2)
    assert not vigil.is_dead(100.0)


def test_silence_0_asks_never():
    """For boards that are suspended for hours."""
    vigil = Vigil(0.0, 100.0, 0.0)
    assert vigil.due() == math.inf
    assert not vigil.is_dead(1000.0)
