"""Text to ids and back: characters, words, byte pairs."""
