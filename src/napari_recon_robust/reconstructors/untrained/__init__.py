"""Networks that are fitted to one slice."""

from ...former import names

_FITTING = (
    "SHARE EVERY AVERAGE SLACK PATIENCE MUON PENALTIES STEPS FURTHER Untrained Fit Continuation Tangent Seen fit "
    "held_out_samples consistent upsampled fixed_noise"
)
__getattr__ = names(__name__, {name: f"reconstructors.untrained.fitting:{name}" for name in _FITTING.split()})
