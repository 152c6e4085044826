"""Analyses of small scans and of extreme ones: results in plain numbers or one sentence, and no warning."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from helpers.extremes import POINTS, SOUND, UNSOUND, head, measured, refusal
from helpers.toy_slice import Combined
from napari_recon_robust.analyses.diversity import diverse
from napari_recon_robust.analyses.fragility import fragility
from napari_recon_robust.analyses.noise_map import noise_amplification
from napari_recon_robust.analyses.retention import recovery_table, retention_map
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.progress import Job, run
from napari_recon_robust.reconstructors import registry

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")

Analysis = Callable[[Measurement], Job[Any]]
MAPS: dict[str, Analysis] = {
    "fragility": lambda measurement: fragility(measurement, Combined(), tile=8),
    "amplification": lambda measurement: noise_amplification(measurement, Combined()),
    "retention": lambda measurement: retention_map(measurement, Combined(), size=3.0),
}
TABLES: dict[str, Analysis] = {
    "recovery": lambda measurement: recovery_table(measurement, Combined()),
    "diverse": lambda measurement: diverse(measurement, registry.get("cg-sense"), 3),
}
SCANS: dict[str, Callable[[], Measurement]] = {
    "16x16": lambda: measured(head(16, 16), POINTS),
    "16x16, all samples": lambda: measured(head(16, 16), None),
    "1e-30": lambda: measured(2.0**-100 * head()),
    **{name: SOUND[name] for name in ("constant", "without noise", "one coil", "17x23")},
}


@pytest.mark.slow
@pytest.mark.parametrize("analysis", MAPS)
@pytest.mark.parametrize("name", SCANS)
def test_a_map(analysis: str, name: str) -> None:
    measurement = SCANS[name]()
    found = run(MAPS[analysis](measurement))
    values = found if isinstance(found, np.ndarray) or not hasattr(found, "overlay") else found.overlay
    assert values.shape == measurement.matrix
    assert np.isfinite(np.asarray(values)).all()


@pytest.mark.slow
@pytest.mark.parametrize("analysis", TABLES)
@pytest.mark.parametrize("name", [name for name in SCANS if name != "constant"])
def test_a_table(analysis: str, name: str) -> None:
    found = run(TABLES[analysis](SCANS[name]()))
    words = found.sentence if analysis == "diverse" else json.dumps(found.to_json(), allow_nan=False)
    assert "nan" not in words


@pytest.mark.parametrize("analysis", [*MAPS, *TABLES])
@pytest.mark.parametrize("name", ["air", *UNSOUND])
def test_a_sentence(analysis: str, name: str) -> None:
    make, words = {**UNSOUND, "air": (SOUND["air"], "zero everywhere")}[name]
    with refusal(words):
        run({**MAPS, **TABLES}[analysis](make()))
