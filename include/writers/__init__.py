"""How records are written, to either system."""
