"""What the seeded worlds are made of."""
