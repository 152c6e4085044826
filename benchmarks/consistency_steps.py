"""How many conjugate gradient steps the data consistency of a network needs, at the weights that ship.

    python benchmarks/consistency_steps.py --data ../shared/data/anatomy --bank FOLDER [--draws 2] [--methods ID ...]
        [--steps 4 6 8 12]

The NMSE relative to that of `tv, rule`, geometric mean and largest. The cases are those of `domain.py`: whole slices of
the validation people.
"""

from types import ModuleType

import torch

from arguments import parser_of
from domain import DOMAIN, at_defaults, drawn, over_tv
from napari_recon_robust.reconstructors.learned import cascade_net, last_step, unrolled_hqs
from napari_recon_robust.training.recipe import load_recipe

MODULES: dict[str, ModuleType] = {
    "unrolled-hqs": unrolled_hqs,
    "cascade-net": cascade_net,
    "irim": last_step,
    "varnet": last_step,
}
"""Each has its number of steps in STEPS."""


@torch.no_grad()
def main() -> None:
    parser = parser_of(__doc__, "data", "bank")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--methods", nargs="+", default=list(MODULES), choices=list(MODULES))
    parser.add_argument("--steps", nargs="+", type=int, default=[4, 6, 8, 12])
    options = parser.parse_args()
    recipes = {id: load_recipe(id) for id in options.methods}
    examples, of_tv = drawn(DOMAIN, options.data, options.bank, options.draws)
    print(f"{len(examples)} cases\n\n| steps | {' | '.join(map(str, options.steps))} |")
    print(f"|---|{'---|' * len(options.steps)}")
    for id, recipe in recipes.items():
        network, cells = at_defaults(recipe), []
        for steps in options.steps:
            MODULES[id].STEPS = steps
            cells.append(over_tv((network(one.problem) for one in examples), examples, of_tv))
        print(f"| {id} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
