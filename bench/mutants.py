"""Mutants of a module: each differs from its source text in one place."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.Div: "*", ast.FloorDiv: "*"}
DELETED = (ast.Assign, ast.AugAssign, ast.Delete, ast.Raise, ast.Break, ast.Continue)


@dataclass(frozen=True)
class Mutant:
    """The mutated source text; `before` and `after` are the lines that differ."""

    function: str
    before: str
    after: str
    line: int
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Identify the mutant independently of line numbers."""
        return self.function, self.before, self.after

    def __str__(self) -> str:
        return f"{self.line} {self.function}: {self.before}  ->  {self.after}"


def of(text: str, seed: str) -> list[Mutant]:
    """Return all mutants of a module's source text, in an order determined by the seed.

    A change elsewhere in the module does not change the order of the other mutants.
    """
    changes = Changes(text)
    changes.visit(ast.parse(text))
    return sorted(
        changes.found, key=lambda m: hashlib.sha256(repr((seed, m.key)).encode()).digest()
    )


class Changes(ast.NodeVisitor):
    """Collects the mutants of a module."""

    def __init__(self, text: str) -> None:
        self.lines = text.encode().splitlines(keepends=True)
        self.scope: list[str] = []
        self.found: list[Mutant] = []

    def add_mutants(self, node: ast.AST, *replacements: str) -> None:
        """Add one mutant per replacement of a node."""
        first, last = node.lineno - 1, node.end_lineno
        head = self.lines[first][: node.col_offset]
        tail = self.lines[last - 1][node.end_col_offset :]
        before = _one_line(b"".join(self.lines[first:last]))
        for replacement in replacements:
            changed = head + replacement.encode() + tail
            text = b"".join([*self.lines[:first], changed, *self.lines[last:]]).decode()
            function = ".".join(self.scope)
            self.found.append(Mutant(function, before, _one_line(changed), node.lineno, text))

    def generic_visit(self, node: ast.AST) -> None:
        """Add all mutants of a node, but for module-level constants; then visit its children."""
        if self.scope or not isinstance(node, (ast.Constant, *DELETED)):
            for replacement in _replacements(node):
                self.add_mutants(node, replacement)
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            self.add_mutants(node.test, f"(not ({ast.unparse(node.test)}))")
        if isinstance(node, ast.comprehension):
            for test in node.ifs:
                self.add_mutants(test, f"(not ({ast.unparse(test)}))")
        super().generic_visit(node)

    def visit(self, node: ast.AST) -> None:
        """Visit a node, without annotations and docstrings; keep track of the function."""
        if isinstance(node, FUNCTIONS):
            self.scope.append(node.name)
            for statement in node.body:
                self.visit(statement)
            if not isinstance(node, ast.ClassDef):
                for default in [*node.args.defaults, *node.args.kw_defaults]:
                    if default is not None:
                        self.visit(default)
            self.scope.pop()
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.visit(node.value)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            super().visit(node)


def _one_line(text: bytes) -> str:
    return " ".join(text.decode().split())


def _replacements(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield f"({ast.unparse(left)} {COMPARISONS[type(op)]} {ast.unparse(right)})"
        case ast.BoolOp(op=op, values=values):
            other = " and " if isinstance(op, ast.Or) else " or "
            yield "(" + other.join(f"({ast.unparse(value)})" for value in values) + ")"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            yield f"({ast.unparse(left)} {OPERATORS[type(op)]} {ast.unparse(right)})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"bool({ast.unparse(operand)})"
        case ast.Constant(value=bool(value)):
            yield str(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield repr(value + 1)
            yield f"({value - 1!r})"
        case ast.Return(value=value) if value is not None and ast.unparse(value) != "None":
            yield "return None"
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield "pass"
        case _ if isinstance(node, DELETED):
            yield "pass"
