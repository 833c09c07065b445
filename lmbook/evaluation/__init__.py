"""Predictions and references in, figures out."""
