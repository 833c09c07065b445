"""Training on several devices and machines: which there are, how batches are shared out, and who saves."""
