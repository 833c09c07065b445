"""What single fields need beyond the core: one folder each, with its data, models, training and evaluation."""
