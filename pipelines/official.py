"""Run sections on the official data, in a copy: `make official SECTIONS="audio_words speech_ctc" ANALYSES="audio_vectors recognition"`.

What the analyses say goes to reference/official/, from which the report puts it beside what the packaged data gave. Everything happens in
a copy (.official/); learning rates are tuned there on the official validation data.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipelines import sandbox
from unrolled import analyses, catalogue, data, guard, results, settings

COPY = Path(".official")
BY_SECTION = ("sections", "shown_rates")  # options of analyses that hold one entry for each of their sections
BY_NAME = ("more_seeds", "recorded")  # that hold something by a section's name


def main(named_sections: str, named_analyses: str) -> None:
    """Copy, fetch, tune, train and analyse; keep what the analyses found."""
    sections, wanted = named_sections.split(), named_analyses.split()
    with results.exit_on_user_error():
        check_names(settings.load(), sections, wanted)
        tree = on_official_data(settings.read_yaml("params.yaml"), sections, wanted)
        chosen = settings.parse(tree)
        catalogue.check(chosen)
        options = analyses.check(chosen)
        asked = [vars(options[name]) for name in wanted]
        sets = read_sets([*(chosen.tasks[name].reads for name in sections), *(value for each in asked for value in each.values())])
        data.check({name: chosen.data.sets.get(name, {}) for name in sets})
        guard.end_on_signals()
        with guard.lock("official"):  # there is one copy
            _run_in_a_copy(tree, sets, sections, wanted)
            for name in wanted:
                results.write_bytes(results.official_file(name), (COPY / results.analysis_file(name)).read_bytes())
        print(f"official: {', '.join(wanted)} kept in {results.official_file('x').parent}; `make report` shows them.")


def _run_in_a_copy(tree: Mapping[str, Any], sets: Iterable[str], sections: Sequence[str], wanted: Iterable[str]) -> None:
    """Fetch sets, tune and train sections, and do the analyses asked for, in a copy with these settings."""
    sandbox.make_copy(COPY)
    shutil.rmtree(COPY / results.recorded_file("", "").parent, ignore_errors=True)  # of the packaged data
    sandbox.share_members(COPY)  # what is the same from both sources
    results.write_text(COPY / "params.yaml", yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
    for name in sets:
        sandbox.run_stage(COPY, "data", name)
    sandbox.run_stage(COPY, "tune", *sections)
    for name in sections:
        sandbox.run_stage(COPY, "train", name)
    for name in wanted:
        sandbox.run_stage(COPY, "analyse", name)


def check_names(chosen: settings.Settings, sections: Sequence[str], wanted: Sequence[str]) -> None:
    """Make sure that params.yaml has the sections and analyses that are asked for.

    Raises:
        SettingsError: none is named, or one that is not there.
    """
    for option, names, known in (("SECTIONS", sections, chosen.tasks), ("ANALYSES", wanted, chosen.analyses)):
        if not names:
            raise settings.SettingsError(f"{option} is empty; name some of {', '.join(known)}.")
        for name in names:
            if name not in known:
                raise settings.SettingsError(f"{option} holds {name!r}, which params.yaml does not have{settings.nearest(name, known)}")


def on_official_data(tree: dict[str, Any], sections: Sequence[str], wanted: Iterable[str]) -> dict[str, Any]:
    """Return settings with the official data, in which the analyses asked for look into no section but those asked for.

    Raises:
        SettingsError: an analysis looks into none of them.
    """
    for name in wanted:
        options = tree["analyses"][name]
        own = {**options, **(options.get("official") or {})}
        tree["analyses"][name] = {**own, "official": {}, **_of_sections(own, sections, name)}
    return tree | {"scale": "official", "data": {**tree["data"], "source": "official"}}


def _of_sections(options: Mapping[str, Any], sections: Sequence[str], name: str) -> dict[str, Any]:
    """Return what an analysis' options hold by section, for some sections alone.

    Raises:
        SettingsError: the analysis looks into none of them.
    """
    if "sections" not in options:
        return {}
    looked_into = _listed(options["sections"])
    kept = [place for place, section in enumerate(looked_into) if section in sections]
    if not kept:
        raise settings.SettingsError(f"ANALYSES holds {name!r}, which looks into none of SECTIONS; "
                                     f"add {' or '.join(map(str, looked_into))} to SECTIONS, or leave {name} out.")
    by_section = {key: _listed(options[key]) for key in BY_SECTION if key in options}
    named = {key: {section: runs for section, runs in (options[key] or {}).items() if section in sections}
             for key in BY_NAME if key in options}
    return named | {key: [values[place] for place in kept] for key, values in by_section.items() if len(values) == len(looked_into)}


def _listed(value: Any) -> list[Any]:
    """Return a list; in params.yaml one value may stand without brackets."""
    return value if isinstance(value, list) else [value]


def read_sets(named: Iterable[Any]) -> list[str]:
    """Return the data sets among what sections read and analyses have as options: those are named by their folders, as data/slots."""
    paths = [Path(value) for value in named if isinstance(value, str)]
    return sorted({path.parts[1] for path in paths if path.parts[:1] == results.DATA.parts and path.parts[1:]})


if __name__ == "__main__":
    main(os.environ.get("SECTIONS", ""), os.environ.get("ANALYSES", ""))
