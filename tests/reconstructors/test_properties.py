"""The properties of all reconstructors, driven by the registry, and of the example of ARCHITECTURE.md."""

from collections.abc import Iterator

import pytest

from helpers.architecture import installed
from helpers.method_properties import *  # noqa: F403
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor


@pytest.fixture(params=[*registry.ids(), "landweber"], scope="module")
def method(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reconstructor]:
    with installed(tmp_path_factory.mktemp("package")):
        yield registry.get(request.param)
