"""The paper's losses and discriminator."""
