"""The house rules: floors, who opens what, and that dvc.yaml names what its stages really import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

pytestmark = pytest.mark.unit
SOURCE = ROOT / "src" / "unrolled"
FLOORS = [
    {"results", "processor", "tables"}, {"values", "strict_yaml", "drawing"}, {"settings"}, {"batches", "cells"}, {"models", "tasks", "data", "tuned", "store", "progress", "guard", "worker_processes", "stage_times", "histories", "learning_rates", "significance", "alignment", "retrieval", "scores"},
    {"catalogue", "searching", "query_encoder"}, {"training"}, {"keys", "engines"}, {"execution"}, {"tuning", "analyses", "judging", "verifying", "reporting", "tracking"}, {"asking", "lanes", "checks"},
]
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Return the dotted names of what a file imports, `from a import b` as a.b too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def inner_imports(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("unrolled.")}


def test_every_file_has_its_floor():
    assert {part(path) for path in modules()} - {"__init__"} == set(FLOOR)


def test_imports_only_go_down():
    for path in modules():
        if path.name == "__init__.py" and path.parent == SOURCE:
            continue
        for name in inner_imports(path):
            if name in FLOOR and name != part(path):
                assert FLOOR[name] <= FLOOR[part(path)], f"{path} imports {name}, which lies above it"


def test_a_cell_imports_base_and_sweep_and_nothing_else_of_cells():
    for path in (SOURCE / "cells").glob("*.py"):
        if path.name not in ("__init__.py", "base.py"):
            own = {name for name in imports(path) if name.startswith("unrolled")}
            assert all(name.startswith(("unrolled.cells.base", "unrolled.cells.sweep")) for name in own), path


def test_the_sources_never_import_the_pipelines():
    assert not [path for path in modules() if any(name.startswith("pipelines") for name in imports(path))]


def test_only_settings_opens_params():
    opening = [path for path in modules() if '"params.yaml"' in path.read_text(encoding="utf-8")]
    assert opening == [SOURCE / "settings.py"]


def test_only_tracking_imports_mlflow():
    importing = {part(path) for path in modules() if any(name.split(".")[0] == "mlflow" for name in imports(path))}
    assert importing == {"tracking"}


def test_only_results_spells_a_path_under_results():
    for path in modules():
        if path.name != "results.py":
            constants = [node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                         if isinstance(node, ast.Constant) and isinstance(node.value, str)]
            assert not [value for value in constants if value.startswith("results/") and " " not in value], path


def test_no_pickle_anywhere():
    banned = {"pickle", "torch.save", "torch.load", "joblib.dump", "joblib.load", "shelve", "dill"}
    for path in [*modules(), *(ROOT / "pipelines").glob("*.py")]:
        assert not imports(path) & banned, path
        assert "torch.save(" not in path.read_text(encoding="utf-8")


def test_nothing_runs_what_it_reads():
    """No eval, no shell; YAML only through the strict loader of settings.py, which is a safe one."""
    banned = {"eval", "exec", "os.system", "os.popen", "torch.load", "pickle.load", "pickle.loads", "subprocess.getoutput"}
    for path in [*modules(), *(ROOT / "pipelines").glob("*.py")]:
        for call in [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]:
            name, given = ast.unparse(call.func), {word.arg: ast.unparse(word.value) for word in call.keywords}
            assert name not in banned and given.get("shell", "False") == "False", f"{path}:{call.lineno}"
            assert name != "yaml.load" or given.get("Loader", "").endswith(("SafeLoader", "_StrictLoader")), f"{path}:{call.lineno}"


def reached_from(names: set[str]) -> set[str]:
    """Return the parts of the package that the given parts import, directly or not."""
    reached, waiting = set(), set(names)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        files = [SOURCE / f"{name}.py"] if (SOURCE / f"{name}.py").exists() else list((SOURCE / name).glob("*.py"))
        waiting |= {found for path in files for found in inner_imports(path)} - reached
    return reached


# What changes no number: how work is cut up, kept, shown or spelled.
HARMLESS = {"results", "processor", "values", "settings", "strict_yaml", "catalogue", "store", "progress", "guard", "worker_processes", "stage_times", "keys", "tuned", "engines", "tables"}
ONLY_COMPLAINS = {"checks"}  # whose imports are what it looks at


@pytest.mark.parametrize("stage", ["train", "analyse", "judge", "report"])
def test_dvc_names_what_a_stage_imports(stage):
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    deps = stages[stage].get("do", stages[stage])["deps"]
    named = {Path(dep).parts[2].removesuffix(".py") for dep in deps if dep.startswith("src/unrolled/")}
    start = {name.split(".")[1] for name in imports(ROOT / "pipelines" / f"{stage}.py") if name.startswith("unrolled.")} - ONLY_COMPLAINS
    assert reached_from(start) - HARMLESS <= named | {"analyses"}


def test_what_judges_and_shows_all_sections_depends_on_all_settings():
    """The page takes the purpose of each section from them."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert all("params.yaml" in stages[stage]["deps"] for stage in ("judge", "report"))


def test_dvc_names_files_that_are_there():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    named = [dep for stage in stages for dep in stage.get("do", stage)["deps"] if dep.startswith(("src/", "pipelines/"))]
    assert len(named) > 20 and not [dep for dep in named if not (ROOT / dep).exists()]


def test_dvc_names_what_the_track_stage_draws_with():
    """Of the report only its drawings are used, by file: a change of the page need not mirror anything again."""
    deps = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["track"]["deps"]
    used = {name for path in (SOURCE / "tracking").glob("*.py") for name in imports(path)}
    assert {name for name in used if name.startswith("unrolled.reporting.")} == {"unrolled.reporting.figures"}
    drawing = inner_imports(SOURCE / "reporting" / "figures.py") - HARMLESS
    named = {dep.removeprefix("src/unrolled/").removesuffix(".py") for dep in deps if dep.startswith("src/unrolled/")}
    assert named == {"tracking", "reporting/figures"} | drawing


def test_files_and_functions_are_short():
    for path in [*modules(), *(ROOT / "pipelines").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") < 330, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno <= 50, f"{path}: {node.name}"


def test_stage_instances_stay_few():
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert len(params["data"]["sets"]) + len(params["tasks"]) + len(params["analyses"]) + 3 <= 60
