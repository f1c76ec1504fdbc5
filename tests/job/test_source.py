"""Files as documents."""

import io
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.model import Position
from lava_dispatcher_multinode.job.source import MAX_FILE_BYTES, from_bytes, load


def refuse(data, tmp_path, name="job"):
    """Return the only problem of a file with this content."""
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(InvalidJob) as caught:
        load(file)
    (problem,) = caught.value.problems
    assert problem.file == str(file)
    return problem


@pytest.mark.parametrize(
    ("name", "text"),
    [("j.json", '{"a": 1}'), ("j.yaml", "a: 1"), ("j.yml", "{a: 1}"), ("j", ' {"a": 1}'),
     ("j", "a: 1"), ("J.JSON", '{"a": 1}')],
)  # fmt: skip
def test_name_and_first_character_decide_the_language(tmp_path, name, text):
    """JSON and YAML need no option."""
    (tmp_path / name).write_text(text)
    document = load(tmp_path / name)
    assert document.data == {"a": 1}
    assert document.directory == tmp_path
    assert document.file == str(tmp_path / name)


def test_a_dash_is_standard_input(monkeypatch, tmp_path):
    """`-` reads a job from a pipe; relative paths start from the working directory."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a: 1")))
    monkeypatch.chdir(tmp_path)
    document = load("-")
    assert (document.data, document.file, document.directory) == ({"a": 1}, "-", tmp_path)


def test_the_directory_is_absolute(monkeypatch, tmp_path):
    """A later change of directory does not change what a job refers to."""
    (tmp_path / "j.yaml").write_text("a: 1")
    monkeypatch.chdir(tmp_path)
    assert load("j.yaml").directory == tmp_path


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"", 0, 0, "the file is empty"),
        (b"# nothing\n", 0, 0, "the file is empty"),
        (b"---\n", 0, 0, "the file is empty"),
        (b"a: 1\nb: \xff\n", 2, 4, "byte 0xff is not UTF-8"),
        (b"\xef\xbb\xbfa: 1\nb: \xff\n", 2, 4, "byte 0xff is not UTF-8"),
        ("a: 1".encode("utf-16"), 1, 1, "the file is UTF-16"),
        (b"a" * (MAX_FILE_BYTES + 1), 0, 0, f"larger than {MAX_FILE_BYTES} bytes"),
        (b"a: 1\na: 2\n", 2, 1, "key 'a' is duplicated"),
        (b'{"a": 1,\n "a": 2}\n', 2, 2, "key 'a' is duplicated"),
        (b'{"a": [1}\n', 1, 9, "expected ',' or ']', found '}'"),
    ],
)
def test_unreadable_content_is_one_problem_with_its_place(tmp_path, data, line, column, message):
    """No content of a file causes a traceback."""
    problem = refuse(data, tmp_path)
    assert (problem.line, problem.column, problem.message) == (line, column, message)


def test_a_byte_order_mark_is_no_error(tmp_path):
    """Some editors add one; it shifts no column."""
    document = from_bytes(b'\xef\xbb\xbf{"a": 1}', "j", tmp_path)
    assert document.position(("a",)) == Position("j", 1, 7)


def test_every_duplicate_key_is_reported(tmp_path):
    """All duplicate keys are reported at once."""
    with pytest.raises(InvalidJob) as caught:
        from_bytes(b"{a: 1, a: 2, b: {c: 1, c: 2}}", "j.yaml", tmp_path)
    assert [problem.column for problem in caught.value.problems] == [8, 24]


def test_files_that_cannot_be_opened(tmp_path):
    """A missing file, a directory and an impossible name are errors of the user."""
    for path, reason in [
        (tmp_path / "none.json", "No such file"),
        (tmp_path, "Is a directory"),
        ("a\0b", "null"),
    ]:
        with pytest.raises(InvalidJob, match=reason):
            load(path)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_problems_inside_them(tmp_path_factory, data):
    """The reader accepts or refuses any input without a crash."""
    for name in ("j.json", "j.yaml"):
        try:
            document = from_bytes(data, name, tmp_path_factory.getbasetemp())
        except InvalidJob as error:
            rows = data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
            for problem in error.problems:
                assert 0 <= problem.line <= rows.count("\n") + 1
        else:
            json.dumps(document.data, allow_nan=False)


def test_positions_of_what_is_missing_are_those_around_it(tmp_path):
    """A message about a missing key points at the object that lacks it."""
    document = from_bytes(b'{"a":\n [{"b": 1}]}', "j", tmp_path)
    assert document.position(("a", 0, "b")) == Position("j", 2, 9)
    assert document.position(("a", 0, "b"), key=True) == Position("j", 2, 4)
    assert document.position(("a", 0, "c")) == Position("j", 2, 3)
    assert document.position(("a", 7)) == Position("j", 2, 2)
    assert document.position() == Position("j", 1, 1)


def test_positions_lists_everything_inside(tmp_path):
    """An action knows the position of each of its parameters."""
    document = from_bytes(b'{"a":\n [{"b": 1}]}', "j", tmp_path)
    assert document.positions(("a",)) == {
        (): Position("j", 2, 2), (0,): Position("j", 2, 3), (0, "b"): Position("j", 2, 9),
    }  # fmt: skip
    assert document.positions(("nothing",)) == {}


def test_with_top_changes_a_copy(tmp_path):
    """A command-line option overrides the file without changing the document."""
    document = from_bytes(b'{"a": 1}', "j", tmp_path)
    assert document.with_top(a=2, b=3).data == {"a": 2, "b": 3}
    assert document.data == {"a": 1}
