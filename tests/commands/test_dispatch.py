"""The command line of lava-dispatch; whole runs are in tests/e2e."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.commands.dispatch import build_parser, main


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a", "b"],
        ["--wait", "soon", "j"],
        ["--wait", "-1", "j"],
        ["--wait", "nan", "j"],
        ["--simulate", "--emulate", "j"],
        ["-q", "-v", "j"],
    ],
)
def test_wrong_words_are_usage(words, capsys):
    """Exit code 2, before any file is read."""
    with pytest.raises(SystemExit, match="2"):
        main(words)
    said = capsys.readouterr().err
    assert "usage: lava-dispatch" in said
    assert "_seconds" not in said  # argparse names the function that refuses a value


def test_the_historical_options_keep_their_names():
    """The options of 2013 work."""
    words = [
        "--validate",
        "--output-dir",
        "d",
        "--config-dir",
        "c",
        "--target",
        "t",
        "--job-id",
        "7",
        "job.json",
    ]
    options = build_parser().parse_args(words)
    assert (options.validate, str(options.output_dir), str(options.config_dir)) == (True, "d", "c")
    assert (options.target, options.job_id, options.job) == ("t", "7", "job.json")


def test_what_cannot_be_is_2(capsys):
    """The message is one line."""
    assert main(["/nonexistent/job.json"]) == 2
    assert capsys.readouterr().err.startswith("/nonexistent/job.json: ")


def test_a_job_id_that_is_no_word_is_refused(tmp_path, capsys):
    """The ID becomes part of paths and of commands on boards."""
    job = tmp_path / "job.json"
    job.write_text(
        '{"timeout": 1, "device_type": "panda", "actions": [{"command": "boot_linaro_image"}]}'
    )
    assert main(["--validate", "--simulate", "--job-id", "../x;reboot", str(job)]) == 2
    assert "--job-id" in capsys.readouterr().err
