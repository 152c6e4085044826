# make demo: the window with the packaged sample. make test: every check. Both do all the set-up themselves.
PYTHON ?= python3
BIN := .venv/bin
# Virtual display for the window's tests: napari needs OpenGL, which Qt's offscreen platform does not give.
DISPLAY_RUN := xvfb-run -a -s "-screen 0 1280x800x24"

.PHONY: demo test format clean

demo: .venv/ready
	$(BIN)/recon-robust demo

test: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate src/napari_recon_robust/napari.yaml
	$(DISPLAY_RUN) $(BIN)/python -m pytest

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/ready: pyproject.toml constraints.txt tools/system_libraries.sh
	sh tools/system_libraries.sh
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[gui,dev]'
	touch $@

clean:
	rm -rf .venv demo dist build
