"""The proof: the same small world lives undisturbed and disturbed, and has to end the same.

A campaign says what is broken, where and how often; one engine runs them all and compares. `python -m tests.prove`.
"""
