"""What runs a neural network."""
