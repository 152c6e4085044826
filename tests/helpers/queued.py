"""How long processes waited for a processor, which on a machine that does other work too is not their own time."""

import os
from contextlib import suppress
from pathlib import Path


def queued(pid: int) -> float:
    """Return the seconds for which a process and those of its group waited for a processor (Linux; 0 elsewhere).

    Those of threads that wait at the same time are added up.
    """
    waited = 0
    with suppress(OSError):
        for one in os.listdir("/proc"):
            if one.isdigit():
                with suppress(OSError):
                    if int(one) == pid or os.getpgid(int(one)) == pid:
                        waited += sum(int(task.read_text().split()[1]) for task in _threads(one))
    return waited / 1e9


def _threads(pid: str) -> list[Path]:
    return [Path(f"/proc/{pid}/task/{thread}/schedstat") for thread in os.listdir(f"/proc/{pid}/task")]
