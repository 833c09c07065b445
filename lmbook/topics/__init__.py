"""What one field needs beyond the core: one folder each, with its data, models, training and evaluation together."""
