"""One function a data set: from its files to splits of records."""
