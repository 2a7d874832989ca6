"""What comes back: bounce and complaint reports, and what becomes of the reader."""
