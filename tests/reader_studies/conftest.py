"""Saved cases and frozen studies for the tests of reader studies."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.reading import case_of, plan
from napari_recon_robust.cases.record import save_case
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.bundle import Bundle, freeze


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the cases c0 to c5."""
    folder = tmp_path_factory.mktemp("cases")
    for number in range(6):
        save_case(case_of(number), folder / f"c{number}")
    return folder


@pytest.fixture
def study(cases: Path, tmp_path: Path) -> Iterator[Callable[..., Answers]]:
    """Freeze a plan and open its answers."""
    opened: list[Answers] = []

    def made(name: str = "study", **changes: object) -> Answers:
        folder = freeze(plan(**changes), tmp_path / name, cases)
        opened.append(Answers(tmp_path / f"{name}.answers.sqlite", Bundle(folder)))
        return opened[-1]

    yield made
    for one in opened:
        one.close()
