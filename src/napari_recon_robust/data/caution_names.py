"""What reasons for doubt are called, apart from what finds them: a server of readings needs no torch."""

OF_SAMPLES = (
    "second_set",
    "loud_coil",
    "dc_offset",
    "few_coils",
    "transformed",
    "split",
    "spike",
    "interference",
    "covered_noise",
    "no_imaginary",
)
DISAGREEMENT = "disagreement"  # of the image of an own model with the samples
AMPLIFIED_NOISE = "amplified_noise"  # in the image of a method that regularizes far too little
