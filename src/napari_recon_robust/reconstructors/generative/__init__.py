"""Networks that know what images look like: adversarial ones, priors, samplers."""
