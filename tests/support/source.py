"""What the architecture's tests read: every module of the package, parsed once."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module of the package."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    def imports(self, *, types: bool = False) -> Iterator[str]:
        """Yield the full names of the modules and names that it imports; those for types only if asked."""
        yield from _imports(self.tree, types=types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """One place where an error of ours is made."""

    module: str
    line: int
    kind: str
    parts: dict[str, ast.expr]
    """By keyword; the sentence is ``what``."""


@cache
def modules() -> tuple[Module, ...]:
    """Return every module of the package, by name."""
    return tuple(_module(path) for path in sorted(SOURCE.rglob("*.py")))


def errors() -> Iterator[Raised]:
    """Yield every place in the package that makes an error of ours."""
    kinds = {"VerificationFailed", "UsageError", "ConfigError", "Refused", "ServiceError", "Busy", "TagsealError"}
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                parts = {keyword.arg or "**": keyword.value for keyword in node.keywords}
                parts |= {"what": node.args[0]} if node.args else {}
                yield Raised(module=module.name, line=node.lineno, kind=node.func.id, parts=parts)


def _module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    name = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    return Module(name=name, path=path, text=text, tree=ast.parse(text))


def _imports(node: ast.AST, *, types: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if not types and isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        yield from _imports(child, types=types)
