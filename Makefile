# make demo: the window with the packaged sample. make test: every check but the tests that `make thorough` runs. make check: the
# quick ones, in about eight minutes on two cores. All of them do the set-up themselves.
PYTHON ?= python3
BIN := .venv/bin
# Virtual display for the window's tests: napari needs OpenGL, which Qt's offscreen platform does not give.
DISPLAY_RUN := xvfb-run -a -s "-screen 0 1280x800x24"

# What opens windows, with as much of the rest as takes equally long on the other core.
HALF := $(addprefix tests/,window canvas controls monkey fuzz reader_studies statistics cli/test_outputs.py cli/commands/test_demo.py cli/commands/test_open.py)
# Files of tests lie in memory where 4 GB of it are free, those of passed ones until the end of each: some disks take
# milliseconds to bring a file home and to remove one.
IN_MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 {print "TMPDIR=/dev/shm"}')
# Each process one thread: two that share two cores would wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(IN_MEMORY) $(BIN)/python -m pytest -o tmp_path_retention_policy=failed
# What opens no window needs no plugins of napari's and Qt's; their imports take three seconds.
PLAIN := $(addprefix -p no:,napari napari-plugin-engine npe2 pytest-qt zarr)

.PHONY: demo test thorough check rules test-libraries one-half other-half quick-half quick-rest fuzz monkey kills oldest screenshots format clean

demo: .venv/ready
	$(BIN)/recon-robust demo

# As much as can be at a time: Debian's packages are unpacked while Python's are, and the half that opens no window, which is
# the shorter one, begins when the rules are checked.
test:
	sh tools/system_libraries.sh
	$(MAKE) -j2 .venv/ready test-libraries
	$(MAKE) -j2 rules one-half other-half

# The tests that take longest: each kill, each step that fails, simulations of coverage, the corners of the docks.
thorough: .venv/ready test-libraries
	$(MAKE) -j2 one-half other-half TESTS=thorough

check: .venv/ready
	$(MAKE) -j2 quick-half quick-rest

rules: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate src/napari_recon_robust/napari.yaml

test-libraries:
	sh tools/system_libraries.sh tests

TESTS ?= not thorough
one-half: .venv/ready
	$(DISPLAY_RUN) env $(PYTEST) -m "$(TESTS)" $(HALF)

other-half: .venv/ready
	$(PYTEST) $(PLAIN) -m "$(TESTS)" tests $(addprefix --ignore=,$(HALF))

# Few of the window's tests are quick, which leaves time for the rules and some of the rest.
QUICK_HALF := $(HALF) $(addprefix tests/,cli reports simulation studies training weights)
quick-half: rules
	$(DISPLAY_RUN) env $(PYTEST) -m "not slow" $(QUICK_HALF)

quick-rest: .venv/ready
	$(PYTEST) $(PLAIN) -m "not slow" tests $(addprefix --ignore=,$(QUICK_HALF))

# Mutated files, N more of them each time: make fuzz N=20000. Results are kept in .fuzz.
fuzz: N ?= 2000
fuzz: .venv/ready
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m fuzz --inputs $(N)

# Random events by real input in the window, N more of them each time: make monkey N=20000. Results are kept in .monkey.
monkey: N ?= 2000
monkey: .venv/ready
	$(DISPLAY_RUN) env OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m monkey --events $(N)

# Every command that writes is killed 20 times at random moments, and each step of a training's writing fails once. The
# client, scheduler and workers of a study are killed 20 times each, and it at every step of its writing; two processes
# race 400 times for its results. The server, the page and napari's window of a reader study are killed 20 times each.
kills: .venv/ready
	KILLS=20 $(PYTEST) tests/cli/test_outputs.py tests/reader_studies/room/test_serving.py tests/studies/test_running.py \
		tests/studies/test_lease.py tests/studies/executors/test_cluster.py
	KILLS=20 $(PYTEST) tests/reader_studies/room/test_app.py -k killed
	KILLS=20 $(DISPLAY_RUN) env $(PYTEST) tests/window/reading/test_kills.py

# The quick tests with the oldest versions that pyproject.toml allows, but for torch, of which constraints.txt names one with a
# build for CPUs alone.
OPTIONAL := cluster dicom gui mp4 onnx review studies
COMMA := ,
SPACE := $(subst x, ,x)
oldest: test-libraries
	$(PYTHON) -m venv .oldest
	.oldest/bin/pip install -q uv
	grep '^torch==' constraints.txt > .oldest/torch.txt
	.oldest/bin/uv pip compile -q --no-annotate --resolution lowest-direct -c .oldest/torch.txt \
		$(addprefix --extra ,$(OPTIONAL)) pyproject.toml | grep -Ev '^(cuda|nvidia|triton)' > .oldest/versions.txt
	.oldest/bin/pip install -q --no-compile -c .oldest/versions.txt -e '.[$(subst $(SPACE),$(COMMA),$(OPTIONAL) dev)]'
	$(DISPLAY_RUN) env $(subst $(BIN),.oldest/bin,$(PYTEST)) -m "not slow" tests

# The pictures of the documentation, from the real window and a real browser; tools/screenshots.py takes others, too.
screenshots: .venv/ready
	xvfb-run -a -s "-screen 0 1920x1200x24" env $(BIN)/python -m tools.screenshots docs/images --docs

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Python compiles what is imported; to compile all that is installed takes a minute.
.venv/ready: pyproject.toml constraints.txt tools/system_libraries.sh
	sh tools/system_libraries.sh
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q --no-compile -c constraints.txt torch
	$(BIN)/python -m pip install -q --no-compile -c constraints.txt -e '.[gui,dev]'
	touch $@

clean:
	rm -rf .venv .oldest demo dist build
