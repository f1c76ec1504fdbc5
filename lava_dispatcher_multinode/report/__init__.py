"""Reports from the events of a run: results.json, JUnit, HTML, terminal and others."""
