"""Find a FIJI for tasks that run as processes: the user's own, or else ImageJ core, built on first use.

The user's FIJI is not changed. If it lacks our runner, that is compiled into a folder of the checkout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from distributed_fiji.errors import DistributedFijiError, InvalidInput
from worker.contract import fijihome
from worker.contract.fijihome import is_fiji, launcher_problem

#: What the names of the jars begin with that add a script language to a FIJI, with the language's ending.
LANGUAGE_JARS = {
    "imagej-legacy-": ".ijm",
    "scripting-jython-": ".py",
    "scripting-groovy-": ".groovy",
    "scripting-beanshell-": ".bsh",
    "scripting-javascript-": ".js",
    "scripting-java-": ".java",
    "scripting-clojure-": ".clj",
    "scripting-jruby-": ".rb",
    "scripting-renjin-": ".R",
    "scripting-matlab-": ".m",
    "scripting-scala-": ".scala",
    "scripting-kotlin-": ".kts",
}
#: The same for ImageJ core, as worker/imagej/jars.txt names them.
CORE_JARS = {":ij:": ".ijm", ":jython-standalone:": ".py", ":groovy-jsr223:": ".groovy", ":bsh:": ".bsh"}


def find_fiji(
    environ: Mapping[str, str], checkout: Path, progress: Callable[[str], None] = lambda line: None
) -> Path:
    """Return the user's own FIJI, or else ImageJ core in the checkout, building it if missing.

    Raises InvalidInput if FIJI_HOME names no FIJI, DistributedFijiError if ImageJ core cannot be built.
    """
    return own_fiji(environ) or imagej_core(checkout, progress)


def own_fiji(environ: Mapping[str, str]) -> Path | None:
    """Return FIJI_HOME, or a FIJI in a usual place, or None.

    Raises InvalidInput if FIJI_HOME names no FIJI, or one that this machine cannot run.
    """
    named = environ.get("FIJI_HOME")
    if named:
        return _named(Path(named).expanduser())
    home = Path(environ.get("HOME") or Path.home())
    return fijihome.find_fiji(home)


def _named(folder: Path) -> Path:
    if problem := launcher_problem(folder):
        raise InvalidInput("FIJI_HOME", [f"{problem}. Without FIJI_HOME, a FIJI is found automatically"])
    return folder.resolve()


def runner_for(fiji: Path, checkout: Path, progress: Callable[[str], None]) -> Path | None:
    """Return our runner's jar for a FIJI that lacks it, or else None.

    If the jar is missing, it is compiled against that FIJI's SciJava. The user's FIJI is unchanged: its
    launcher loads this jar in addition to its own (`worker.fiji.launcher`). Raises DistributedFijiError if it
    cannot be compiled.
    """
    from worker.imagej.install import runner_beside
    from worker.imagej.jars import InstallError

    try:
        return runner_beside(fiji, checkout / ".fiji-runner", progress)
    except InstallError as error:
        raise DistributedFijiError(f"The runner for {fiji} could not be built: {error}") from error


def imagej_core(checkout: Path, progress: Callable[[str], None]) -> Path:
    """Return ImageJ core, building it once. Its requirements (jgo and more) are in requirements-local.txt.

    Raises DistributedFijiError if it cannot be built.
    """
    from worker.imagej.install import install
    from worker.imagej.jars import InstallError

    folder = checkout / ".imagej-core"
    if not is_fiji(folder):
        progress("No FIJI found: building ImageJ core, once (to use your own FIJI, set FIJI_HOME)")
    try:
        return install(folder)
    except InstallError as error:
        raise DistributedFijiError(f"ImageJ core could not be built: {error}") from error


def give_bioformats(
    environ: Mapping[str, str], own: str | None, checkout: Path, progress: Callable[[str], None]
) -> None:
    """With BIOFORMATS=1, add Bio-Formats to ImageJ core, built if needed; never to the user's own FIJI.

    Raises DistributedFijiError if that fails.
    """
    from worker.imagej import bioformats

    if not bioformats.is_wanted(environ):
        return
    if own:
        progress(f"BIOFORMATS=1 applies only to ImageJ core; {own} is used unchanged")
    else:
        imagej_core(checkout, progress)


def languages(environ: Mapping[str, str], checkout: Path) -> frozenset[str]:
    """Return the endings of the script languages that the local FIJI has, or will have once it is built.

    Raises InvalidInput if FIJI_HOME names no FIJI.
    """
    folder = own_fiji(environ) or checkout / ".imagej-core"
    names = {file.name for part in ("jars", "plugins") for file in (folder / part).glob("**/*.jar")}
    if not names or "imagej-core.jar" in names:
        pinned = (checkout / "worker" / "imagej" / "jars.txt").read_text(encoding="utf-8")
        return frozenset(ending for part, ending in CORE_JARS.items() if part in pinned)
    return frozenset(
        ending for name in names for start, ending in LANGUAGE_JARS.items() if name.startswith(start)
    )
