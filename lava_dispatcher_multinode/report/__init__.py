"""Events become results: results.json, JUnit, HTML, the terminal."""
