"""A run that would change much waits for a person: what it would write is planned, shown, and then exactly that is written."""
