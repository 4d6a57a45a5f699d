# make demo   sets itself up, converts a bundled Keras file, validates it, predicts with it
# make test   sets itself up, runs all tests
# make test-ray  sets up a Python with Ray, runs the tests of predict --engine ray on a cluster of two nodes
# make check  format, lint, types
# make bench  measures speed, memory and graphs (minutes). MODELS=folder of models, PEER=a Python with tf.keras 2.15 and
#             tf2onnx, PEER_KERAS2=a Python with Keras 2.2.4 and keras2onnx, BENCH=further options (-h lists them)

# make fuzz   mutated files through every command (an hour). FUZZ=options, as --count 1000 --seed 1

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RAY := build/ray
SEED := fixtures/seed
OUT := demo
MODELS ?= build/bench/models

.PHONY: demo test test-ray check bench fuzz format clean

demo: $(VENV)/run
	@mkdir -p $(OUT)
	$(BIN)/kerasport inspect $(SEED)/my_model_tf.h5
	@echo
	$(BIN)/kerasport convert $(SEED)/my_model_tf.h5 $(OUT)/my_model.onnx
	@echo
	$(BIN)/kerasport validate $(SEED)/my_model_tf.h5 $(OUT)/my_model.onnx
	@echo
	$(BIN)/kerasport predict $(OUT)/my_model.onnx --input $(SEED)/new_data.npy --output $(OUT)/predictions.npy
	@echo
	@$(BIN)/python $(SEED)/side_by_side.py $(OUT)/predictions.npy

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2

test-ray: $(RAY)/dev
	$(RAY)/bin/python -m pytest tests/predict/test_cluster.py

check: $(VENV)/dev
	$(BIN)/ruff format --check kerasport tests
	$(BIN)/ruff check kerasport tests
	$(BIN)/mypy

bench: $(VENV)/bench
	$(BIN)/python -m tests.bench --folder $(MODELS) $(if $(PEER),--peer $(PEER)) \
	  $(if $(PEER_KERAS2),--peer-keras2 $(PEER_KERAS2)) $(BENCH)

fuzz: $(VENV)/dev
	$(BIN)/python -m tests.fuzz $(FUZZ)

format: $(VENV)/dev
	$(BIN)/ruff format kerasport tests
	$(BIN)/ruff check --fix kerasport tests

$(VENV)/run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@ $(VENV)/run

$(RAY)/dev: pyproject.toml
	$(PYTHON) -m venv $(RAY)
	$(RAY)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,ray]"
	@touch $@

$(VENV)/bench: $(VENV)/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[bench]"
	@touch $@

clean:
	rm -rf $(VENV) $(OUT) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
