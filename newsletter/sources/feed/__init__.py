"""The source `feed`: any RSS or Atom feed."""
