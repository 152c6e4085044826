"""The examples of ARCHITECTURE.md: its blocks of code, by the file that their first line names."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The blocks of code in a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def examples(language: str) -> dict[str, str]:
    """The blocks by their file names."""
    return {block.splitlines()[0].removeprefix("# "): block for block in blocks(language)}


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """All modules of the page, written into a folder from which they can be imported meanwhile."""
    modules = examples("python")
    for name, code in modules.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code.split("\n", maxsplit=1)[1], encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in modules:
            sys.modules.pop(name.removesuffix(".py"), None)
