"""Purchase-probability network, training, calibration, evaluation and offer valuation."""
