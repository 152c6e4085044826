"""What tests of the window need: a display, and a review in a window."""

# ruff: noqa: F401 (fixtures)

import os
import sys

from helpers.windows import (
    drawn_once,
    forgetful,
    jobs,
    may_read,
    review,
    seen,
    set_aside,
    slow,
    standing,
    until,
    viewer,
    window_of_module,
)

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    collect_ignore_glob = ["test_*.py"]  # Qt would abort the process; `make test` brings a virtual display
