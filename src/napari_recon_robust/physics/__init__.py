"""MR physics: Fourier transforms, sampling, coil sensitivities, the forward model, noise."""
