# make demo   sets itself up, converts a bundled Keras file, validates it, predicts with it
# make test   sets itself up, runs all tests
# make check  format, lint, types

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEED := fixtures/seed
OUT := demo

.PHONY: demo test check format clean

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

check: $(VENV)/dev
	$(BIN)/ruff format --check kerasport tests
	$(BIN)/ruff check kerasport tests
	$(BIN)/mypy

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

clean:
	rm -rf $(VENV) $(OUT) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
