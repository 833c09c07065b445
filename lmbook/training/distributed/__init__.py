"""Training on several devices and machines: the strategy, the distribution of batches, the workers."""
