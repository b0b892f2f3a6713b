"""From a claim's evidence to the files behind it and the command that makes them anew."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from unrolled import results
from unrolled.settings import Settings

SOURCE = Path("src") / "unrolled"


class Origins(NamedTuple):
    """Where a claim's evidence comes from: trained sections, analyses, and runs that were recorded once, by section."""

    tasks: list[str]
    analyses: list[str]
    recorded: dict[str, list[str]]


def origins(evidence: Iterable[str]) -> Origins:
    """Sort paths of evidence by what made them."""
    found = Origins([], [], {})
    for path in map(Path, evidence):
        if path.is_relative_to(results.recorded_file("task", "run").parent.parent):
            runs = found.recorded.setdefault(path.parent.name, [])
            runs += [path.stem] if path.suffix == ".json" and path.stem not in runs else []
        elif path.is_relative_to(results.task_folder("task").parent):
            found.tasks.append(path.parent.name)
        else:
            found.analyses.append(path.parent.name)
    return Origins(list(dict.fromkeys(found.tasks)), list(dict.fromkeys(found.analyses)), found.recorded)


def is_recorded_alone(found: Origins) -> bool:
    """Tell whether all evidence was recorded once, so that no run of the pipeline here changes it."""
    return bool(found.recorded) and not found.tasks and not found.analyses


def commands(found: Origins) -> list[str]:
    """Return what to type to have a claim's evidence, its verdict and the page made anew."""
    again = [f'make record SECTION={section} RUNS="{" ".join(runs)}"' for section, runs in found.recorded.items()]
    stages = [f"train@{task}" for task in found.tasks] + [f"analyse@{name}" for name in found.analyses]
    return [*again, " ".join(["dvc repro", *stages, "judge report"])]


def code(found: Origins, settings: Settings) -> list[str]:
    """Return the source files that made the evidence, and the one that holds the rule."""
    sections = dict.fromkeys([*found.tasks, *found.recorded])
    kinds = dict.fromkeys(settings.tasks[name].kind for name in sections if name in settings.tasks)
    paths = [SOURCE / "tasks" / f"{kind}.py" for kind in kinds] + [SOURCE / "analyses" / f"{name}.py" for name in found.analyses]
    return [*map(Path.as_posix, paths), "claims.yaml"]


def address(path: str) -> str:
    """Return a file's address from the page, empty where there is no such file."""
    return f"../{path}" if Path(path).exists() else ""
