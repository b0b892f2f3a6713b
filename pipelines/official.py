"""Run sections on the official data, in a copy: `make official SECTIONS="audio_words speech_ctc" ANALYSES="audio_vectors recognition"`.

What the analyses say goes to reference/official/, from which the report puts it beside what the packaged data gave. Everything happens in
a copy (.official/); learning rates are tuned there on the official validation data.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import yaml

from pipelines import sandbox
from unrolled import catalogue, results, settings

COPY = Path(".official")


def main(sections: str, analyses: str) -> None:
    """Copy, fetch, tune, train and analyse; keep what the analyses found."""
    with results.exit_on_user_error():
        chosen = settings.load()
        catalogue.check(chosen)
        named = {"SECTIONS": (sections.split(), chosen.tasks), "ANALYSES": (analyses.split(), chosen.analyses)}
        for option, (names, known) in named.items():
            if not names:
                raise settings.SettingsError(f"{option} is empty; name some of {', '.join(known)}.")
            for name in names:
                if name not in known:
                    raise settings.SettingsError(f"{option} holds {name!r}, which params.yaml does not have{settings.nearest(name, known)}")
        sandbox.make_copy(COPY)
        shutil.rmtree(COPY / results.recorded_file("", "").parent, ignore_errors=True)  # of the packaged data
        sandbox.share_members(COPY)  # what is the same from both sources
        tree = settings.read_yaml(COPY / "params.yaml") | {"scale": "official"}
        tree["data"]["source"] = "official"
        for name in sections.split():
            tree["tasks"][name].setdefault("official", {})
        for name in analyses.split():
            options = tree["analyses"][name]
            if "sections" in options:
                options["sections"] = [section for section in options["sections"] if section in sections.split()]
        results.write_text(COPY / "params.yaml", yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
        sets = sorted({Path(chosen.tasks[name].reads).name for name in sections.split() if chosen.tasks[name].reads.startswith("data/")})
        for name in sets:
            sandbox.run_stage(COPY, "data", name)
        sandbox.run_stage(COPY, "tune", *sections.split())
        for name in sections.split():
            sandbox.run_stage(COPY, "train", name)
        for name in analyses.split():
            sandbox.run_stage(COPY, "analyse", name)
        for name in analyses.split():
            results.write_bytes(results.official_file(name), (COPY / results.analysis_file(name)).read_bytes())
        print(f"official: {', '.join(analyses.split())} kept in {results.official_file('x').parent}; `make report` shows them.")


if __name__ == "__main__":
    main(os.environ.get("SECTIONS", ""), os.environ.get("ANALYSES", ""))
