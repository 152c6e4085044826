import json

import pytest
import yaml

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.studies.beginning import SCHEMA, new_plan
from napari_recon_robust.studies.plan import read_plan


def test_a_new_plan_is_valid_and_has_its_schema_beside_it(tmp_path) -> None:
    path = new_plan(tmp_path / "my: plan.yaml")
    plan = read_plan(path)
    assert plan.study == "my: plan"
    assert f"$schema={SCHEMA}" in path.read_text()
    properties = json.loads((tmp_path / SCHEMA).read_text())["properties"]
    assert set(yaml.safe_load(path.read_text())) <= set(properties)
    with pytest.raises(InputError, match="there already"):
        new_plan(path)


def test_methods_are_added_to_a_new_plan(tmp_path) -> None:
    plan = read_plan(new_plan(tmp_path / "plan.yaml", ["zero-filled"]))
    assert [part.method for part in plan.methods] == ["zero-filled", "cg-sense", "tv", "hqs-supervised"]


def test_what_the_comments_offer_is_valid_too(tmp_path) -> None:
    path = new_plan(tmp_path / "plan.yaml")
    text = path.read_text().split("regions:")
    path.write_text("regions:".join([text[0], text[1].replace("  # - ", "  - ")]))
    assert len(read_plan(path).regions) == 6
