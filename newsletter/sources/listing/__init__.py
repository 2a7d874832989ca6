"""The source `listing`: papers pages saved as text."""
