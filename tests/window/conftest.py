"""What tests of the window need: a display, and a review in a window."""

import os
import sys

from helpers.windows import forgetful, jobs, may_read, review, seen, slow, standing, until, viewer, window_of_module  # noqa: F401

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    collect_ignore_glob = ["test_*.py"]  # Qt would abort the process; `make test` brings a virtual display
