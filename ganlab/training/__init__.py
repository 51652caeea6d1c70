"""Train a DCGAN by the paper's recipe; stop and go on at any moment with the same result."""
