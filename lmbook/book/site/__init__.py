"""The book as a site: pages that are read from disk, without a server and without the network."""
