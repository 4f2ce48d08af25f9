"""The parts of the simulated company; `data.simulate` puts them together."""
