"""No two modules of the package share a file name, and no two classes share a name."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lava_dispatcher_multinode"


def repeated(package):
    """Return each file or class name that stands more than once in `package`, with its places."""
    places = defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        module = str(path.relative_to(package))
        if path.stem not in {"__init__", "__main__"}:
            places[path.name].append(module)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{module}:{node.lineno}")
    return {name: found for name, found in places.items() if len(found) > 1}


def test_each_name_has_one_meaning():
    """A search for the name of a module or a class finds one."""
    assert repeated(PACKAGE) == {}


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"a.py": "class A: pass", "b.py": "class B: pass"}, []),
        ({"a.py": "class A: pass", "b.py": "class A: pass"}, ["A"]),
        ({"a.py": "", "sub/a.py": ""}, ["a.py"]),
        ({"__init__.py": "", "sub/__init__.py": ""}, []),
        ({"a.py": "def f():\n    class A: pass\nclass A: pass"}, ["A"]),
    ],
)
def test_what_counts_as_repeated(tmp_path, files, names):
    """Package files may repeat; modules and classes, nested ones too, may not."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert sorted(repeated(tmp_path)) == names
