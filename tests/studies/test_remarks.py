import json

import polars as pl

from napari_recon_robust.reconstructors.doubts import OF_METHOD
from napari_recon_robust.studies.remarks import cautions


def test_words_that_begin_with_the_method_are_told_once_and_without_another_name_before_them():
    for name in OF_METHOD:
        text = json.dumps({name: "CG-SENSE: it is doubted."})
        trials = pl.DataFrame(
            {"scan": ["a", "b", "b"], "method_label": ["CG-SENSE", "CG-SENSE", "TV"], "cautions": [text, text, None]}
        )
        assert cautions(trials) == ["CG-SENSE: it is doubted. (2 trials)"]
