"""A job format: `buttons: [red, green]` on `board: panda`."""

from __future__ import annotations

from lava_dispatcher_multinode.job.model import ActionSpec, Job, Role


class ButtonListParser:
    """Parses documents with the key `buttons`."""

    def accepts(self, document):
        """Return True if the document has a list of buttons."""
        return isinstance(document.data, dict) and "buttons" in document.data

    def parse(self, document):
        """Return a job that presses them in order on every board."""
        log = {"log": document.data["log"]} if "log" in document.data else {}
        actions = tuple(
            ActionSpec("press_button", {"button": name, **log})
            for name in document.data["buttons"]
        )
        role = Role(
            "presser", count=document.data.get("count", 1), device_type=document.data["board"]
        )
        job = Job(
            "buttons", 60.0, (role,), actions, file=document.file, directory=document.directory
        )
        return job, [document.problem("buttons wear out", ("buttons",), warning=True)]
