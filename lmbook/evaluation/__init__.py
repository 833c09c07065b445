"""Measuring how good predictions, texts and judgements are."""
