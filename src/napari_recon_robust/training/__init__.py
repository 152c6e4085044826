"""Training: recipes, the bank of simulated acquisitions, losses, the loop."""
