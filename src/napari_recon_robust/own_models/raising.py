"""Where the code of somebody else raised an error."""

from pathlib import Path
from traceback import walk_tb

from ..ground.guard import is_file, shown
from .opened_files import is_library


def in_line(error: BaseException) -> str:
    """The last line of code in a file that is not installed that an error passed, such as " in line 12 of mine.py".

    Empty where there is none, as in a notebook or in an error of the syntax, which names its line itself.
    """
    lines = [(Path(frame.f_code.co_filename), line) for frame, line in walk_tb(error.__traceback__)]
    own = [(path, line) for path, line in lines if not is_library(str(path)) and is_file(path)]
    return f" in line {own[-1][1]} of {shown(own[-1][0])}" if own else ""
