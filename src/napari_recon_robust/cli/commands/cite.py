"""Print the BibTeX entries of what was used."""

import click


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def cite(names: tuple[str, ...]) -> None:
    """Print BibTeX of what each NAME goes back to: a method, a perturbation, the folder of a case or of a study.

    SSIM and this program are among them. Without names it is all methods, perturbations and measures. Reports cite the
    same in their paragraph of methods. Papers on single algorithms and solvers are in docs/methods.md.

    \b
    Examples:
      recon-robust cite varnet worst-case > references.bib
      recon-robust cite results/meniscus plan.results > references.bib
    """
    from ...reports.bibliography import bibtex

    click.echo(bibtex(*names))
