"""Saved cases and frozen studies for the tests of reader studies."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.reading import case_of, plan
from napari_recon_robust.cases.record import save_case
from napari_recon_robust.reader_studies import freezing
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.bundle import Bundle, key_of
from napari_recon_robust.reader_studies.freezing import freeze


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the cases c0 to c5."""
    folder = tmp_path_factory.mktemp("cases")
    for number in range(6):
        save_case(case_of(number), folder / f"c{number}")
    return folder


@pytest.fixture(scope="session")
def frozen_once(cases: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Freeze a plan of these cases, or copy what was frozen from the same plan by the same name."""
    folder, frozen = tmp_path_factory.mktemp("frozen"), dict[object, Path]()

    def copied(place: Path, **changes: object) -> Path:
        given = plan(**changes)
        key = place.name, given.model_dump_json(), freezing._opaque  # which some tests replace
        if key not in frozen:
            frozen[key] = freeze(given, folder / str(len(frozen)) / place.name, cases)
        shutil.copy(key_of(frozen[key]), key_of(place))
        return Path(shutil.copytree(frozen[key], place))

    return copied


@pytest.fixture
def study(frozen_once: Callable[..., Path], tmp_path: Path) -> Iterator[Callable[..., Answers]]:
    """Freeze a plan and open its answers."""
    opened: list[Answers] = []

    def made(name: str = "study", **changes: object) -> Answers:
        folder = frozen_once(tmp_path / name, **changes)
        opened.append(Answers(tmp_path / f"{name}.answers.sqlite", Bundle(folder)))
        return opened[-1]

    yield made
    for one in opened:
        one.close()
