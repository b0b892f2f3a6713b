# The front door. Needs python >= 3.11 with venv, and make; everything else is installed into .venv.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export UNROLLED_REMOTE
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export PYTHONDONTWRITEBYTECODE :=
unexport PYTHONPATH PYTHONHOME

PYTEST := python -m pytest -q --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup reproduce smoke record official tune tag translate find claim track follow push pull cluster confirm test test-all test-faults lint dashboard compare report verify bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  %-13s%s\n' "$$name" "$$text"; done

$(READY): requirements.lock requirements-cuda.lock
	@"$(PYTHON)" -c 'import sys; sys.exit("error: Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3." if sys.version_info < (3, 11) else 0)'
	"$(PYTHON)" -m venv "$(VENV)"
	python -m pip install --quiet --disable-pip-version-check --use-pep517 --requirement requirements.lock --constraint requirements-cuda.lock
	@git rev-parse --is-inside-work-tree >/dev/null 2>&1 || python -m dvc config --quiet --local core.no_scm true
	@touch "$(READY)"

setup: $(READY) ## make .venv with the exact versions of requirements.lock

reproduce: setup ## get data, train, analyse, judge, report, fill the dashboard; only what changed
	@python -m pipelines.reproduce

claim: setup ## run only what one claim rests on and print what it shows: make claim CLAIM=D4 (a minute to eight, for most)
	@python -m pipelines.claim

smoke: setup ## the whole pipeline at toy sizes, in a copy (.smoke/)
	@python -m pipelines.sandbox smoke

record: setup ## train once, at full scale, what the default run leaves out (SECTION=slots RUNS="elman_2 lstm_2") -> reference/recorded/
	@python -m pipelines.record $(SECTION) $(RUNS)

official: setup ## train and analyse some sections on the official data, in a copy (SECTIONS="audio_words" ANALYSES="audio_vectors")
	@python -m pipelines.official

tune: setup ## choose learning rates on validation data -> tuned.yaml
	@python -m pipelines.tune $(ARGUMENTS)

tag: setup ## label a sentence with a trained network: make tag SENTENCE="leave taipei on november 2nd" (RUN=slots/... for another)
	@python -m pipelines.ask tag

translate: setup ## translate words with a trained network: make translate TEXT="machine learning" (RUN=translation/... for another)
	@python -m pipelines.ask translate

find: setup ## look for a spoken phrase in the archive: make find PHRASE="white house" (or WAV=query.wav)
	@python -m pipelines.ask find

track: setup ## mirror the results into the MLflow store; safe to repeat
	@python -m pipelines.track

follow: setup ## mirror trainings into the MLflow store while they run
	@python -m pipelines.track --follow

push: setup ## send data, results and report to UNROLLED_REMOTE, a folder or s3://bucket/prefix
	@python -m pipelines.remote push

pull: setup ## get what was pushed from a checkout of the same commit, so that nothing is left to do
	@python -m pipelines.remote pull

cluster: setup ## add what `engine: ray` needs to .venv, see docs/scaling.md
	python -m pip install --quiet --disable-pip-version-check --requirement requirements-cluster.lock

confirm: setup ## repeat the run on fresh seeds in a copy (.confirm/) and report verdicts that flip
	@python -m pipelines.sandbox confirm

test: setup ## the tests, in five minutes, less those marked `long` and those that need a GPU
	@$(PYTEST) -n 3 -m "not gpu and not long" $(ARGUMENTS)

test-all: setup ## the long ones too, in ten minutes
	@UNROLLED_KILLS=2 $(PYTEST) -n 2 -m "not gpu" $(ARGUMENTS)

test-faults: setup ## kills, full disks and malformed files, many more of each than in `make test`; half an hour
	@UNROLLED_KILLS=40 UNROLLED_EXAMPLES=1000 python -m pytest -q tests/test_faults.py tests/test_malformed.py $(ARGUMENTS)

lint: setup ## check style
	@python -m ruff check .

dashboard: setup ## open the MLflow dashboard on this machine
	@python -m pipelines.dashboard

compare: setup ## what differs from the last commit, the experiments so far, and pictures side by side
	@python -m dvc metrics diff
	@python -m dvc exp show --no-pager --only-changed --drop '.*/.*|data|reference|(claims|params).yaml'
	@python -m dvc plots diff

report: setup ## rebuild report/index.html from the results at hand
	@python -m pipelines.report

verify: setup ## hold the results against reference/
	@python -m pipelines.verify

$(VENV)/.bench: requirements-bench.lock $(READY)
	python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-bench.lock
	@touch "$(VENV)/.bench"

bench: $(VENV)/.bench ## time updates, their cost, the pipeline and a spoken query against their peers -> benchmarks/RESULTS.md
	@python -m benchmarks

clean: setup ## remove results, report and kept runs; data and the environment stay
	@python -m pipelines.clean
