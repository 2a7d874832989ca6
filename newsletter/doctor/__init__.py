"""What an operator asks when something is wrong, and a guarantee that the user can run."""
