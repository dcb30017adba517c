"""The product's structure in figures: `python -m tests.structure [CHECKOUT]`.

Rooms are packages, arrows are imports between modules of different rooms, floors are the longest chain of
rooms that import each other. Imports inside functions and for types count; so do empty lines and comments.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SIDES = ("distributed_fiji", "worker")


def modules_of(checkout: Path) -> dict[str, Path]:
    files = [checkout / "run.py", *(file for side in SIDES for file in checkout.glob(f"{side}/**/*.py"))]
    return {name_of(file, checkout): file for file in files}


def name_of(file: Path, checkout: Path) -> str:
    return ".".join(file.relative_to(checkout).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.AST, modules: dict[str, Path]) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in modules else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & modules.keys()


def room_of(module: str, modules: dict[str, Path]) -> str:
    return module if modules[module].name == "__init__.py" else module.rpartition(".")[0] or module


def floors_of(below: dict[str, set[str]]) -> int:
    """Return the most rooms that are above each other; each room in a circle counts once."""

    def height(room: str, path: frozenset[str]) -> int:
        return 1 + max((height(one, path | {one}) for one in below[room] - path), default=0)

    return max(height(room, frozenset({room})) for room in below)


def lengths(trees: list[ast.Module]) -> Iterator[int]:
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield (node.end_lineno or node.lineno) - node.lineno + 1


def undocumented(name: str, tree: ast.Module) -> Iterator[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{name}.{node.name}"


def figures(checkout: Path) -> Iterator[str]:
    """Yield the lines of the report."""
    modules = modules_of(checkout)
    trees = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in modules.items()}
    arrows = [
        (room_of(name, modules), room_of(other, modules))
        for name, tree in trees.items()
        for other in imports_of(tree, modules)
        if room_of(name, modules) != room_of(other, modules)
    ]
    rooms = sorted({room_of(name, modules) for name in modules})
    below = {room: {lower for upper, lower in arrows if upper == room} for room in rooms}
    yield f"rooms {len(rooms)}, floors {floors_of(below)}, arrows between rooms {len(set(arrows))}"
    yield f"imports between modules of different rooms {len(arrows)}"
    for room in rooms:
        yield f"  {room}: {sum(room_of(name, modules) == room for name in modules)} modules"
    spans = sorted(lengths(list(trees.values())))
    tenth = spans[int(0.9 * len(spans))]
    yield (
        f"functions {len(spans)}: median {statistics.median(spans):g}, p90 {tenth}, longest {spans[-1]} lines"
    )
    nameless = [name for module, tree in trees.items() for name in undocumented(module, tree)]
    yield f"public functions and classes without a docstring: {len(nameless)}"
    yield f"lines of Python: {sum(len(file.read_text('utf-8').splitlines()) for file in modules.values())}"


if __name__ == "__main__":
    print(*figures(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else CHECKOUT), sep="\n")
