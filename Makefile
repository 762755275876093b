# Everything a person types in this repository. `make help` lists it, under the headings that stand here after `##@`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Which build of PyTorch: a name of its own indexes (cpu, cu130, ...), or none for the one that pip's sources have, which on
# Linux brings CUDA along. Another one than before wants a new environment: make clean.
TORCH  ?= $(if $(filter Linux,$(shell uname -s)),cpu)
TORCH_INDEX := https://download.pytorch.org/whl/$(TORCH)
# One thread per process: the course is sized for two cores, and oversubscribing them only adds noise.
export OMP_NUM_THREADS ?= 2
export PYTHONDONTWRITEBYTECODE ?= 1
# Jupyter refuses to serve as root unless told that it is meant, as in a container.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -n)
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# Says how long a recipe took since it set $begun, and hands on the status of the command before.
TOOK = status=$$?; seconds=$$(($$(date +%s) - begun)); echo "make $@: $$((seconds / 60)) min $$((seconds % 60)) s"; exit $$status

.DEFAULT_GOAL := help
.PHONY: help install demo test lab formgrader build site pack bench weights checks proof constraints clean

help: ## this list
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nThe TA works with `$(BIN)/autograder` (its --help is the table of contents); docs/ has a page for everybody.\n'

##@ Begin here

demo: $(READY) $(VENV)/.debian ## grade a sample class and show its gradebook
	@begun=$$(date +%s); $(BIN)/autograder build && $(BIN)/autograder demo; $(TOOK)

lab: $(READY) ## open JupyterLab on the lessons
	@$(BIN)/jupyter lab $(AS_ROOT) notebooks

PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-warn-script-location --constraint constraints.txt

install: $(READY) ## create .venv with the pinned versions (the other commands do it by themselves)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; PYTHON=/path/to/python3 names another one.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages into $(VENV) (some minutes the first time)..."
	@$(if $(TORCH),if $(BIN)/python -c 'from urllib.request import urlopen; urlopen("$(TORCH_INDEX)/torch/", timeout=5)' 2>/dev/null; \
	then $(PIP_INSTALL) --extra-index-url $(TORCH_INDEX) torch 2>$(VENV)/pip.log || { cat $(VENV)/pip.log >&2; exit 1; }; \
	else echo "$(TORCH_INDEX) does not answer: taking PyTorch from pip's own sources."; fi)
	@$(PIP_INSTALL) --editable '.[dev]' 2>$(VENV)/pip.log || { cat $(VENV)/pip.log >&2; exit 1; }
	@touch $@

# What Debian has for us: the sandbox for students' code and, for CI, a browser and a PostgreSQL server to test with. Installed where
# that takes no password; elsewhere `autograder grade` and the skipped tests say what is missing. CI's machines are made for
# one run: there, Ubuntu's AppArmor is told at once to let bubblewrap work, which elsewhere is the administrator's to say.
DEBIAN := bubblewrap $(if $(CI),postgresql)
$(VENV)/.debian: | $(READY)
	@dpkg -s $(DEBIAN) >/dev/null 2>&1 || { command -v apt-get && $(SUDO) apt-get update -qq && \
	  $(SUDO) apt-get install -y -qq --no-install-recommends $(DEBIAN); } >/dev/null 2>&1 || true
	@$(if $(CI),command -v google-chrome >/dev/null || dpkg -s chromium >/dev/null 2>&1 || \
	  $(SUDO) apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 || true)
	@$(if $(CI),test ! -d /etc/apparmor.d || $(SUDO) sh autograder/running/allow_bubblewrap.sh >/dev/null 2>&1 || true)
	@touch $@

##@ Teach

pack: $(READY) ## make dist/*.zip, the bundle students get
	@$(BIN)/autograder pack

formgrader: $(READY) ## open nbgrader's formgrader on the gradebook: points and comments by hand
	@$(BIN)/autograder formgrader

##@ Write lessons

build: $(READY) ## make the notebooks from solutions/*/*.py (only what changed)
	@$(BIN)/autograder build

site: $(READY) ## make dist/site/, the course as pages to read (also `autograder site --solutions`)
	@$(BIN)/autograder site

checks: $(READY) ## show that every check fails the wrong answers and passes the right ones
	@$(BIN)/autograder checks

test: $(READY) $(VENV)/.debian ## lint, type-check, run every test and every notebook
	@begun=$$(date +%s); $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && \
	  OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env \
	    -p tests.nbval_lessons solutions tests notebooks; $(TOOK)

##@ Now and then

proof: $(READY) $(VENV)/.debian ## `make checks` in the sandbox, as grading does it, on three draws of the hidden cases
	@$(BIN)/autograder checks --real --draws 3

bench: $(READY) $(VENV)/.debian ## measure: likelihoods and speed of the models, of build and grading; every answer through the sandbox
	@$(BIN)/autograder checks --real
	@$(BIN)/python -m benchmarks.likelihood
	@$(BIN)/python -m benchmarks.passes
	@$(BIN)/python -m benchmarks.models
	@$(BIN)/python -m benchmarks.images
	@$(BIN)/python -m benchmarks.sound
	@$(BIN)/python -m benchmarks.sampling
	@$(BIN)/python -m benchmarks.attention
	@$(BIN)/python -m benchmarks --thousand
	@$(BIN)/python -m benchmarks.lessons
	@$(BIN)/python -m benchmarks.cluster

weights: $(READY) ## train the models in data/weights/ again (hours); NAMES='nade made' trains some
	@$(BIN)/python data/make_weights.py $(NAMES)

constraints: $(READY) ## pin again: newest versions that fit pyproject.toml, for all platforms; and Binder's list from them
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --no-sources --upgrade --universal --python-version 3.10 --all-extras --no-annotate \
	  --custom-compile-command 'make constraints' pyproject.toml --output-file constraints.txt
	@$(MAKE) --no-print-directory .binder/requirements.txt

# Whole and with nothing local in it, so that Binder installs it in a layer that outlives commits; CUDA's parts stay out.
.binder/requirements.txt: constraints.txt pyproject.toml $(READY)
	@$(BIN)/python -m pip install --quiet uv
	@{ echo '# Made by `make constraints`: what students need, at the versions in constraints.txt.'; grep ^--extra requirements.txt; \
	  $(BIN)/uv pip compile --quiet --no-sources --python-version 3.11 --python-platform x86_64-manylinux_2_28 --no-annotate --no-header \
	  --constraint constraints.txt $$(sed -nE 's/^((nvidia|cuda)[^=]*|triton)==.*/--no-emit-package \1/p' constraints.txt) pyproject.toml; } > $@.part
	@mv $@.part $@

clean: ## remove .venv and build leftovers (never notebooks/, solutions/ or a gradebook)
	rm -rf $(VENV) dist build *.egg-info .pytest_cache .mypy_cache .ruff_cache
