"""The network, asked politely: one way for all sources, with turns, limits, retries and kept answers."""
