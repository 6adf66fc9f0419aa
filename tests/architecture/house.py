"""Reads a tree of source files: what each one imports, when, and what that loads."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "desktop" / "wattlight"


@dataclass(frozen=True)
class Import:
    """One imported module name and where it stands.

    ``hidden``: inside a function; ``typing``: for type checkers alone.
    """

    file: Path
    line: int
    module: str
    names: tuple[str, ...]
    hidden: bool
    typing: bool = False


class House:
    """All files of an import package below its folder ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        files = sorted(p for p in root.rglob("*.py") if "resources" not in p.parts)
        self.trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
        self.modules = {self.module_of(file): file for file in files}

    def module_of(self, file: Path) -> str:
        parts = (self.root.name, *file.relative_to(self.root).with_suffix("").parts)
        return ".".join(parts).removesuffix(".__init__")

    def name_of(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def imports_of(self, file: Path) -> Iterator[Import]:
        """Every import of a file."""
        package = (self.root.name, *file.relative_to(self.root).parent.parts)

        def visit(body: list[ast.stmt], hidden: bool, typing: bool) -> Iterator[Import]:
            for node in body:
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        yield Import(file, node.lineno, alias.name, (), hidden, typing)
                elif isinstance(node, ast.ImportFrom):
                    base = package[: len(package) - node.level + 1] if node.level else ()
                    module = ".".join((*base, *([node.module] if node.module else [])))
                    names = tuple(alias.name for alias in node.names)
                    yield Import(file, node.lineno, module, names, hidden, typing)
                elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                    yield from visit(node.body, hidden, True)
                    yield from visit(node.orelse, hidden, typing)
                else:
                    inside = hidden or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                    for field in ("body", "orelse", "handlers", "finalbody", "cases"):
                        yield from visit(getattr(node, field, []), inside, typing)

        yield from visit(self.trees[file].body, False, False)

    @cached_property
    def lazy(self) -> dict[str, dict[str, str]]:
        """Of each lazy door: its names, each with the module that is loaded for it."""
        return {self.module_of(f): table for f, tree in self.trees.items() if (table := self._table(f, tree))}

    def _table(self, file: Path, tree: ast.AST) -> dict[str, str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy_door":
                parts: dict[str, str] = ast.literal_eval(node.args[1])
                door = self.module_of(file)
                return {name: f"{door}.{part}" for part, names in parts.items() for name in names.split()}
        return {}

    def loaded_by(self, item: Import) -> set[str]:
        """The modules of the house that an import loads: the files named, and every door on the way."""
        if item.module.split(".")[0] != self.root.name:
            return set()
        found = set()
        for name in item.names or ("",):
            target = f"{item.module}.{name}" if f"{item.module}.{name}" in self.modules else item.module
            found.add(self.lazy.get(item.module, {}).get(name, target))
        me = self.module_of(item.file)
        for module in tuple(found):
            doors = module.split(".")
            for length in range(1, len(doors)):
                door = ".".join(doors[:length])
                if not f"{me}.".startswith(f"{door}."):  # those around the file itself are open already
                    found.add(door)
        return found & set(self.modules) - {me}

    def maker(self, module: str, name: str) -> str:
        """The module that holds what ``from module import name`` gives, behind its doors."""
        if f"{module}.{name}" in self.modules:
            return f"{module}.{name}"
        if name in self.lazy.get(module, {}):
            return self.lazy[module][name]
        file = self.modules.get(module)
        if file is not None and file.name == "__init__.py":
            for item in self.imports_of(file):
                if name in item.names:
                    return self.maker(item.module, name)
        return module

    def circles(self) -> list[list[str]]:
        """Groups of modules that need each other while they are loaded (Tarjan)."""
        graph: dict[str, set[str]] = {}
        for module, file in self.modules.items():
            now = [i for i in self.imports_of(file) if not (i.hidden or i.typing)]
            graph[module] = set().union(*(self.loaded_by(item) for item in now))
        number: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        groups = []

        def visit(node: str) -> None:
            number[node] = low[node] = len(number)
            stack.append(node)
            for other in sorted(graph[node]):
                if other not in number:
                    visit(other)
                    low[node] = min(low[node], low[other])
                elif other in stack:
                    low[node] = min(low[node], number[other])
            if low[node] == number[node]:
                group = stack[stack.index(node) :]
                del stack[stack.index(node) :]
                if len(group) > 1:
                    groups.append(sorted(group))

        for node in graph:
            if node not in number:
                visit(node)
        return groups


HOUSE = House(SOURCE)
