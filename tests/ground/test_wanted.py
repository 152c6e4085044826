"""A setting holds as long as anybody wants it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from napari_recon_robust.ground.wanted import Wanted


def test_it_holds_from_the_first_to_the_last_whichever_threads_they_are_in() -> None:
    said: list[str] = []

    @contextmanager
    def setting() -> Iterator[None]:
        said.append("on")
        yield
        said.append("off")

    wanted = Wanted(setting)
    for _ in range(2):
        said.clear()
        wanted.begin()
        threads = [Thread(target=turn) for turn in (wanted.begin, wanted.end, wanted.end)]
        for thread in threads[:2]:
            thread.start(), thread.join()
        assert said == ["on"]
        threads[2].start(), threads[2].join()
        assert said == ["on", "off"]
