"""Networks that have learned what images look like: adversarial ones, priors, samplers."""
