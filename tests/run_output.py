"""What a run of lava-dispatch leaves: exit code, output, files."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Run:
    """Exit code, output and output directory of a run."""

    code: int
    out: str
    err: str
    directory: Path

    @property
    def results(self):
        """Return the content of results.json."""
        return json.loads((self.directory / "results.json").read_text())

    @property
    def events(self):
        """Return all events, in order."""
        lines = (self.directory / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def cases(self, node):
        """Return the results of `node` by test case."""
        return {case["case"]: case["result"] for case in self.results["nodes"][node]["results"]}

    def console(self, node):
        """Return the complete output of a console."""
        return (self.directory / "nodes" / node / "console.raw").read_bytes()
