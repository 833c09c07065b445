"""Where text comes from: the built-in corpus, the reader's own files, and the catalogue of public data sets."""
