import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.reconstructors.learned import robustly_trained
from napari_recon_robust.training.loop import load_recipe

CLASSES = [
    kind
    for kind in vars(robustly_trained).values()
    if isinstance(kind, type) and kind.__module__ == robustly_trained.__name__
]


@pytest.mark.parametrize("kind", CLASSES)
def test_they_are_the_plain_methods_with_weights_of_their_own(kind: type[Reconstructor], lines: Measurement) -> None:
    """Which a recipe of their name trains, from the plain method's weights on."""
    plain = registry.get(kind.__base__.id)
    recipe, base = load_recipe(kind.id), load_recipe(plain.id)
    assert kind().weights == kind.id
    assert recipe.start == {"": plain.weights}
    assert (recipe.network, recipe.arguments, recipe.bank) == (base.network, base.arguments, base.bank)
    assert torch.equal(kind(plain.weights)(lines), plain(lines))
    texts = {(other.id, other.label, other.summary) for other in (*CLASSES, type(plain))}
    assert len({text for three in texts for text in three}) == 3 * (len(CLASSES) + 1)
