"""A trained model and a text in, explanations out."""
