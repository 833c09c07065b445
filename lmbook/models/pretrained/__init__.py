"""Weights that others have trained, in our models: one file per place that they come from."""
