"""What a model gives away about its training texts: memorization, DP-SGD, and removing personal data."""
