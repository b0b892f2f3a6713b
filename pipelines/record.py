"""Train once, at full scale, what the default run leaves out: `make record SECTION=slots [RUNS="elman_2 lstm_2"]`.

The records go to reference/recorded/, from which claims and figures take them; what further words and searches for phrases
score lies beside those of spoken words.

Everything happens in a copy beside the sources (.record/); learning rates are tuned there first and come back into tuned.yaml.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipelines import sandbox
from unrolled import analyses, catalogue, guard, processor, results, settings, tuned
from unrolled.analyses import audio_vectors, further_words, search_scores, spoken_search, word_scores
from unrolled.judging.evidence import BY_ITEM

COPY = Path(".record")


def main(section: str, *names: str) -> None:
    """Copy, tune and train one section at full scale, and keep the records of the runs named, or of all that this scale lacks."""
    with results.exit_on_user_error():
        chosen = settings.load()
        catalogue.check(chosen)
        known = at_full_scale_only(settings.read_yaml("params.yaml"), chosen)
        if section not in known:
            raise settings.SettingsError(f"tasks.{section} has no runs at full scale only{settings.nearest(section, known)}")
        for name in sorted(set(names) - set(known[section])):
            raise settings.SettingsError(f"tasks.{section}.full has no run {name}{settings.nearest(name, known[section])}")
        runs = names or known[section]
        if not results.DATA.exists():
            raise settings.SettingsError("data/ is not there yet; run `make reproduce` first.")
        guard.end_on_signals()
        with guard.lock("record"):  # there is one copy
            _train_in_a_copy(section, runs)
            _keep_records(section, runs)
            _keep_rates(section, runs)
            print(f"record {section}: {', '.join(runs)} kept in {results.recorded_file(section, 'x').parent}.")
            _keep_what_needs_weights(section, runs)


def _train_in_a_copy(section: str, runs: Iterable[str]) -> None:
    """Tune and train some runs of a section at full scale, in a copy that uses what is finished here."""
    sandbox.make_copy(COPY)
    tree = at_full_scale(settings.read_yaml(COPY / "params.yaml"), section, runs)
    results.write_text(COPY / "params.yaml", yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
    shutil.copytree(results.DATA, COPY / results.DATA)
    sandbox.share_members(COPY)
    for command in ("tune", "train"):
        sandbox.run_stage(COPY, command, section)


def at_full_scale_only(tree: Mapping[str, Any], chosen: settings.Settings) -> dict[str, list[str]]:
    """Return, by section, the runs of full scale that the scale of now lacks; other scales may have runs of their own."""
    full = settings.parse(tree | {"scale": "full"}).tasks
    found = {name: [run for run in section.elsewhere if run in full[name].runs] for name, section in chosen.tasks.items()}
    return {name: runs for name, runs in found.items() if runs}


def at_full_scale(tree: dict[str, Any], section: str, runs: Iterable[str]) -> dict[str, Any]:
    """Return settings at full scale, in which a section has some of its runs of that scale and no other, at their own lengths alone."""
    full, own = settings.parse(tree | {"scale": "full", "seed_offset": 0}).tasks[section].runs, tree["tasks"][section]
    own["runs"] = {}
    own["full"] = {**own["full"], "runs": {run: _line(full[run]) for run in runs}, "other_lengths": []}
    return tree | {"scale": "full"}


def _line(run: settings.Run) -> dict[str, Any]:
    """Return a run as it could stand in params.yaml, with nothing left to its section."""
    found = {key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(run).items()}
    return {key: value for key, value in {**found, **found["options"]}.items() if key not in ("task", "name", "options")}


def _keep_records(section: str, runs: Iterable[str]) -> None:
    """Take over records and counts per test item."""
    for run in runs:
        target = results.recorded_file(section, run)
        items, folder = target.with_suffix(".items.safetensors"), COPY / results.task_folder(section)
        for path in (target, items) if _are_items_read(results.read_result(folder / target.name)) else (target,):
            results.write_bytes(path, (folder / path.name).read_bytes())


def _keep_rates(section: str, runs: Iterable[str]) -> None:
    """Take over tuned rates and the scores they were chosen by.

    What `make tune` writes meanwhile stays. The copy's own tuning, which shares this lock with this checkout, has ended.
    """
    found, scores = tuned.load(COPY / "tuned.yaml"), tuned.load_evidence(COPY / results.tuning_file())
    with guard.lock("tune"):
        entries, evidence = tuned.load(), tuned.load_evidence()
        for run in runs:
            if run in found.get(section, {}):  # a run with learning rates of its own is not tuned
                entries.setdefault(section, {})[run] = found[section][run]
                evidence.setdefault(section, {})[run] = scores[section][run]
        tuned.save(entries, evidence)


def _keep_what_needs_weights(section: str, runs: Iterable[str]) -> None:
    """Keep what analyses have looked for by the weights, which are not recorded: further words, and phrases in an archive."""
    processor.prepare()
    with contextlib.chdir(COPY):
        chosen = settings.load()
        options = {name: analyses.options_of(found) for name, found in chosen.analyses.items()}
        words, search = _further_words(section, runs, options.get("audio_vectors"), chosen), options.get("spoken_search")
        searches = {run: spoken_search.of_further_seeds(search, chosen) for run in runs
                    if search and f"{section}/{run}" == search.further}
    for run, scores in words.items():
        further_words.keep(further_words.recorded_file(section, run), scores, Path(options["audio_vectors"].more_words))
    for run, (scores, asked) in searches.items():
        search_scores.keep(search_scores.recorded_file(section, run), scores, asked, search.candidates)


def _further_words(section: str, runs: Iterable[str], options: audio_vectors.Options | None, chosen: settings.Settings
                   ) -> dict[str, word_scores.Scores]:
    """Return what further words score, by run, where an analysis of this section asks for it."""
    if options is None or options.section != section or not options.more_words:
        return {}
    further = further_words.Further(Path(options.more_words), section)
    return {run: further_words.of_run(run, further, chosen) for run in runs}


def _are_items_read(record: Mapping[str, Any]) -> bool:
    """Tell whether a claim resamples a run's test items, or an analysis looks into them: else megabytes would lie there for nothing."""
    return record["settings"]["kind"] == "audio_words" or not BY_ITEM.isdisjoint(record["members"][0]["metrics"])


if __name__ == "__main__":
    main(*sys.argv[1:] or ["?"])
