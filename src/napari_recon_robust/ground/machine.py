"""Which machine this is, and whether a process that wrote a file has ended: only those of this one can be asked."""

import errno
import os
import platform
import re
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_IDENTITY = Path("/etc/machine-id")  # of the installation; many containers have none
_START = Path("/proc/sys/kernel/random/boot_id")
_CONTAINER = Path("/proc/self/ns/pid")  # within one of them a number names one process


def machine() -> str:
    """A short name of this machine, its last start and its container; it reveals none of them.

    Names agree only where a number means the same process. The parts are joined by "_", and are fewer where the system
    does not tell them.
    """
    start, container = _text(_START), ""
    with suppress(OSError):
        container = os.readlink(_CONTAINER)
    installed = re.fullmatch(r"[0-9a-f]{32}", _text(_IDENTITY))
    # Without an identity two machines of one name cannot be told from one that was started again.
    lasting = installed[0] if installed else start + container
    return "_".join(map(_digest, filter(None, (platform.node() + lasting, start, container))))


def has_ended(name: str, process: int) -> bool:
    """Whether a process of the machine of that name is known to have ended.

    It is where the machine is this one and the process does not run, or the machine was started anew meanwhile.
    """
    then, now = name.split("_"), machine().split("_")
    if then == now:
        return not runs(process)
    return len(then) == len(now) == 3 and then[0] == now[0] and then[1] != now[1]


def runs(process: int) -> bool:
    """Whether a process of this machine runs; on Windows, where asking would end it, it is taken to run.

    A zombie, which has ended and which its parent has not waited for, does not run; only Linux tells.
    """
    if sys.platform == "win32":
        return True
    with suppress(OSError):
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
    try:
        os.kill(process, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    return True


def _text(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text().strip()
    return ""


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]
