"""The table of a study as a file."""

from pathlib import Path

import polars

from napari_recon_robust.studies.exporting import export_table


def test_a_label_is_no_formula_in_a_spreadsheet_and_itself_elsewhere(tmp_path: Path) -> None:
    table = polars.DataFrame({"label_site": ["=cmd()"], "ssim_image_clean": [-0.5]})
    for name in ("table.csv", "table.parquet"):
        export_table(table, tmp_path / name)
    read = polars.read_csv(tmp_path / "table.csv"), polars.read_parquet(tmp_path / "table.parquet")
    assert [one["label_site"].item() for one in read] == ["'=cmd()", "=cmd()"]
    assert [one["ssim_image_clean"].item() for one in read] == [-0.5, -0.5]
