"""Files that count as read by own code: not those of libraries, of the system, and what it writes itself."""

import os
from pathlib import Path

from napari_recon_robust.own_models.opened_files import Opened, watched


def run(folder: Path, text: str) -> Opened:
    """What a script opens."""
    script = folder / "script.py"
    with watched() as opened:
        exec(compile(text.replace("FOLDER", repr(str(folder))), str(script), "exec"), {"__name__": "script"})
    return opened


def names(folder: Path, opened: Opened) -> set[str]:
    return {path.name for path in opened.digests(folder / "script.py")}


def test_what_a_script_reads_counts_and_what_it_writes_does_not(tmp_path: Path) -> None:
    """A cache that it makes would differ from one import to the next."""
    for name in ("weights", "log", "cache", "gone"):
        (tmp_path / name).write_text(name)
    text = (
        "import os\nos.chdir(FOLDER)\nopen('weights').read()\nopen('log', 'a').write('+')\n"
        "open('cache', 'w').write('1')\nopen('cache').read()\n"
        "open('gone').close()\nos.remove('gone')\n"
        "import numpy, urllib.parse\nopen(numpy.__file__).read()\nopen(os.__file__).read()\n"
    )
    before = os.getcwd()
    try:
        assert names(tmp_path, run(tmp_path, text)) == {"weights"}
    finally:
        os.chdir(before)


def test_what_other_threads_open_does_not_count_nor_what_is_opened_later(tmp_path: Path) -> None:
    """Of a window, say, in which a scan is opened meanwhile."""
    for name in ("scan", "later"):
        (tmp_path / name).write_text(name)
    text = (
        "import pathlib, threading\nread = pathlib.Path(FOLDER, 'scan').read_text\n"
        "other = threading.Thread(target=read)\nother.start()\nother.join()\n"
    )
    opened = run(tmp_path, text)
    (tmp_path / "later").read_text()
    assert not opened.read
