"""Every setting, option and claim is checked before anything runs; what was found good is not checked again until a file changes.

To check takes seconds, almost all of them imports of what will not run.
"""

from __future__ import annotations

from pathlib import Path

from unrolled import results, settings
from unrolled.settings import Settings


def everything() -> Settings:
    """Return the settings, after all of them and all claims have been checked.

    Raises:
        UserError: something is unknown, missing or impossible.
    """
    chosen = settings.load()
    state = _state()
    if _found_good() != state:
        _check(chosen)
        results.write_json(_file(), {"state": state})
    return chosen


def _check(chosen: Settings) -> None:
    from unrolled import analyses, catalogue, data  # here, as what follows: see above
    from unrolled.judging import claims

    data.check(chosen.data.sets)
    catalogue.check(chosen)
    catalogue.check_generated(chosen)
    analyses.check(chosen)
    claims.load()
    _check_order(chosen)


def _check_order(chosen: Settings) -> None:
    """Check that no stage reads what another of its kind writes: they run side by side.

    Raises:
        SettingsError: one does.
    """
    written = (("tasks", chosen.tasks, results.task_folder("")), ("analyses", chosen.analyses, results.analysis_folder("")))
    for kind, sections, own in written:
        for section in sections.values():
            if Path(section.reads).is_relative_to(own):
                raise settings.SettingsError(f"{kind}.{section.name}.reads is {section.reads!r}, which another of {kind} may be writing at "
                                             "the same time; name what it was made from.")


def _file() -> Path:
    return results.RUNS / "checked.json"


def _found_good() -> str | None:
    """Return the state that was found good, None where none was, or what is kept of it cannot be read."""
    try:
        found = results.read_json(_file())
    except results.ResultsError:
        return None
    return found.get("state") if isinstance(found, dict) else None


def _state() -> str:
    """Return a hash of what is checked, the YAML files here, and of all that checks it."""
    files = [*sorted(Path().glob("*.yaml")), *sorted(Path(__file__).parent.rglob("*.py"))]
    return results.bytes_hash("".join(map(results.file_hash, files)).encode())
