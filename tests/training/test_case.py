def test_a_case_is_its_truth_and_noise(bank):
    """Combining the noisy coil images gives the truth plus noise of the recorded level; coils' noise is correlated."""
    for number in range(len(bank)):
        case = bank[number]
        support = case.sensitivities.abs().sum(0) > 0
        combined = (case.sensitivities.conj() * case.coil_images).sum(0)
        error = (combined - case.truth)[support].abs().square().mean().sqrt()
        assert 0.5 * case.noise < float(error) < 2 * case.noise
