"""What the last step towards the samples changes in networks that have one.

    python benchmarks/last_step.py --data ../shared/data/anatomy --bank FOLDER [--draws 2] [--methods ID ...]

The NMSE relative to that of `tv, rule`, geometric mean and largest, of the images before the step and at several values
of the knob `consistency`. The cases are those of `domain.py`: whole slices of the validation people.
"""

import torch

from arguments import parser_of
from domain import DOMAIN, drawn, over_tv
from napari_recon_robust.reconstructors.learned.last_step import LEAST
from napari_recon_robust.training.recipe import load_recipe, make_network

NETWORKS = ("varnet", "varnet-cg", "unrolled-gd", "irim", "neumann-preconditioned", "neumann")
CONSISTENCIES = (LEAST, 0.25, 0.5, 1.0, 2.0)


@torch.no_grad()
def main() -> None:
    parser = parser_of(__doc__, "data", "bank")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--methods", nargs="+", default=list(NETWORKS))
    options = parser.parse_args()
    recipes = {id: load_recipe(id) for id in options.methods}
    examples, of_tv = drawn(DOMAIN, options.data, options.bank, options.draws)
    print(f"{len(examples)} cases\n\n| consistency | without | {' | '.join(map(str, CONSISTENCIES[1:]))} |")
    print(f"|---|{'---|' * len(CONSISTENCIES)}")
    for id, recipe in recipes.items():
        network, cells = make_network(recipe, (id,)).eval(), []
        for consistency in CONSISTENCIES:
            images = (network(one.problem, consistency=consistency) for one in examples)
            cells.append(over_tv(images, examples, of_tv))
        print(f"| {id} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
