import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.studies.executors import inline
from napari_recon_robust.studies.executors.choosing import choose
from napari_recon_robust.studies.executors.cluster import DaskExecutor, Local, Remote


def test_what_is_asked_for_runs_the_study(tmp_path) -> None:
    assert choose(1) is inline.run
    assert choose(3) == DaskExecutor(Local(3))
    assert choose(None, "tcp://a:1") == DaskExecutor(Remote("tcp://a:1"))
    with pytest.raises(InputError, match="give one of them"):
        choose(None, "tcp://a:1", tmp_path)
