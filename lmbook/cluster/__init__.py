"""Several worker processes, on one machine or many: starting them, reading their output, measuring what they share."""
