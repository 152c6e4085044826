import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.trials.checking import check_study
from napari_recon_robust.trials.demo import demo_plan


def test_the_demo_is_a_plan_on_the_lesions_of_the_sample(tmp_path) -> None:
    path = demo_plan(tmp_path)
    found = run(check_study(path))
    assert found.trials == 14 * found.methods * found.changes
    assert found.volumes == 1
    assert demo_plan(tmp_path) == path
    path.write_text("study: mine\n")
    with pytest.raises(InputError, match="there already"):
        demo_plan(tmp_path)
