"""Measurements, as ratios within one run: `make bench`. Machines are noisy, so nothing here is asserted in a test."""
