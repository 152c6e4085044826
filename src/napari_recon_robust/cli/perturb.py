"""recon-robust perturb KIND: one command for each perturbation, its options made from its knobs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from ..evaluation import comparison, record
from ..evaluation.roi import ROI
from ..io.annotations import read_annotations
from ..perturbations import registry
from ..scan import Scan
from .options import follow, knob_options, measured, method_and_knobs, print_json, sampling_options

_EXAMPLES = """
    \b
    Examples:
      recon-robust perturb worst-case scan.h5 --slice 10 --method tv --roi 120,140,32,28 --budget 0.005,0.01
      recon-robust perturb worst-case scan.h5 --annotations knee.csv --annotation "Meniscus Tear" --output case
      recon-robust perturb fnaf scan.h5 --slice 10 --method unet --at 160,170 --size 4 --contrast 0.4
"""
