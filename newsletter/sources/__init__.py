"""Where papers come from: one adapter per kind of source, each answering in batches with a verdict."""
