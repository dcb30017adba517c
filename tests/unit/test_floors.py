"""Who may import whom: the rooms of the house and their floors, held to the imports of every module.

Imports inside functions and for types count too. docs/design.md describes the same rooms.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

#: Each room, and the rooms that it may import; what stands on the ground of its package goes without saying.
MAY_IMPORT = {
    "run": {"commands", "monitor", "state", "aws", "local"},
    "commands": {
        "checks",
        "permissions",
        "janitor",
        "report",
        "review",
        "doctor",
        "monitor",
        "state",
        "aws",
        "local",
        "contract",
    },
    "doctor": {"checks", "monitor", "state", "aws", "contract"},
    "report": {"review", "monitor", "state", "contract"},
    "review": {"monitor", "state", "aws", "contract"},
    "checks": {"aws", "state", "contract"},
    "permissions": {"janitor", "state", "aws", "contract"},
    "janitor": {"monitor", "state", "aws", "contract"},
    "monitor": {"state", "aws", "contract"},
    "state": {"aws", "contract"},
    "aws": {"contract"},
    "local": {"local.machines", "imagej", "contract"},
    "local.emulators": {"local", "local.machines"},
    "local.machines": {"local"},
    "distributed_fiji": {"contract"},
    "worker.__main__": {"job", "host", "contract"},
    "job": {"records", "fiji", "verdict", "storage", "worker.aws", "host", "contract"},
    "records": {"verdict", "storage", "contract"},
    "fiji": {"verdict", "storage", "host", "imagej", "contract"},
    "verdict": {"storage", "host", "contract"},
    "storage": {"worker.aws", "host", "contract"},
    "worker.aws": {"contract"},
    "host": {"contract"},
    "imagej": {"contract"},
    "image": {"contract"},
    "worker": {"contract"},
    "contract": set(),
}

#: Of two rooms that import each other, the modules of the upper one that the lower one must not know.
UPSTAIRS = {
    "distributed_fiji.local.cloud",
    "distributed_fiji.local.status",
    "distributed_fiji.local.interruption",
}

#: Modules that decide or describe: they get values and return values, and never ask AWS.
PURE = (
    "aws.causes",
    "aws.documents",
    "aws.fleetevents",
    "aws.fleetrequest",
    "aws.grants",
    "aws.policies",
    "checks.inputs",
    "commands.lawfit",
    "commands.suggest",
    "doctor.chain",
    "doctor.evidence",
    "doctor.judgement",
    "doctor.machines",
    "doctor.orders",
    "doctor.work",
    "janitor.policy",
    "jobnames",
    "listedinputs",
    "monitor.actions",
    "monitor.decide",
    "monitor.nothingruns",
    "monitor.snapshot",
    "monitor.spending",
    "names",
    "permissions.usercalls",
    "plates",
    "report.columns",
    "report.comparing",
    "report.costs",
    "report.crate",
    "report.drawings",
    "report.page",
    "report.sheet",
    "report.spread",
    "report.tails",
    "report.tally",
    "report.thumbnails",
    "report.wells",
    "report.wording",
    "review.course",
    "review.csvtext",
    "review.wells",
)
ASKING = {"boto3", "botocore", "botocore.exceptions", "distributed_fiji.aws.clients"}


def find_modules() -> dict[str, Path]:
    files = [
        CHECKOUT / "run.py",
        *CHECKOUT.glob("distributed_fiji/**/*.py"),
        *CHECKOUT.glob("worker/**/*.py"),
    ]
    return {name_of(file): file for file in files}


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")


def imported(file: Path, modules: dict[str, Path]) -> Iterator[str]:
    """Yield what a module imports: a module of ours by its full name, anything else by its package's."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules else node.module


def room_of(module: str, modules: dict[str, Path]) -> str:
    """Return the room of a module: its package, without the parts that all rooms of a side share."""
    is_package = modules[module].name == "__init__.py"
    package = module if is_package else module.rpartition(".")[0]
    if module in ("run", "worker.__main__"):
        return module
    if package == "worker.aws":
        return package
    return package.removeprefix("distributed_fiji.").removeprefix("worker.")


@pytest.fixture(scope="module")
def modules() -> dict[str, Path]:
    return find_modules()


def test_no_room_imports_one_that_is_not_below_it(modules: dict[str, Path]) -> None:
    ground = {"distributed_fiji": {"distributed_fiji"}, "worker": {"worker"}}
    wrong = []
    for module, file in modules.items():
        room = room_of(module, modules)
        allowed = MAY_IMPORT[room] | ground["worker" if module.startswith("worker") else "distributed_fiji"]
        for other in imported(file, modules):
            if other in modules and room_of(other, modules) not in {room, *allowed}:
                wrong.append(f"{module} imports {other}")
    assert wrong == []


def test_the_floors_have_no_circle_and_no_room_is_missing(modules: dict[str, Path]) -> None:
    # local.cloud starts the machines, which know the rest of local and not the cloud.
    below = {
        room: rooms - {"local.machines"} if room == "local" else rooms for room, rooms in MAY_IMPORT.items()
    }
    assert list(TopologicalSorter(below).static_order())
    assert {room_of(module, modules) for module in modules} == set(MAY_IMPORT)
    for module, file in modules.items():
        if module.startswith(("distributed_fiji.local.machines", "distributed_fiji.local.emulators")):
            assert not UPSTAIRS & set(imported(file, modules)), module


def test_what_decides_or_describes_never_asks_aws(modules: dict[str, Path]) -> None:
    for name in PURE:
        assert not ASKING & set(imported(modules[f"distributed_fiji.{name}"], modules)), name


def test_what_is_for_types_alone_is_imported_for_types_alone(modules: dict[str, Path]) -> None:
    # A developer has the stubs; a worker, the Lambda and whoever installs requirements-local.lock do not.
    guarded = 0
    for module, file in modules.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        blocks = (node for node in ast.walk(tree) if isinstance(node, ast.If))
        for_types = {
            inner
            for block in blocks
            if ast.unparse(block.test) == "TYPE_CHECKING"
            for node in block.body
            for inner in ast.walk(node)
        }
        stubs = {
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom) and "mypy_boto3" in ast.unparse(node)
        }
        assert stubs <= for_types, module
        guarded += len(stubs)
    assert guarded


def test_no_module_is_imported_in_a_circle(modules: dict[str, Path]) -> None:
    graph = {
        module: {other for other in imported(file, modules) if other in modules and other != module}
        for module, file in modules.items()
    }
    assert list(TopologicalSorter(graph).static_order())


def test_the_lambda_is_whole_and_needs_no_library_that_lambda_lacks() -> None:
    code = """
import sys
import distributed_fiji.janitor.handler
from distributed_fiji.janitor.package import CHECKOUT, list_modules

held = {str(CHECKOUT / name) for name in list_modules()}
loaded = sys.modules.items()
ours = [module.__file__ for name, module in loaded if name.startswith(("distributed_fiji", "worker"))]
print(sorted(set(ours) - held), sorted({"click", "pydantic", "rich"} & set(sys.modules)))
"""
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, text=True, capture_output=True, check=True
    )
    assert said.stdout == "[] []\n"


def test_no_class_has_the_name_of_another_in_its_package(modules: dict[str, Path]) -> None:
    places: dict[tuple[str, str], list[str]] = {}
    for module, file in modules.items():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places.setdefault((module.partition(".")[0], node.name), []).append(module)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
