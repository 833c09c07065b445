"""Metrics: from predictions and references to figures with their uncertainty."""
