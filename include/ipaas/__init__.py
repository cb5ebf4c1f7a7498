"""The client of iPaaS.com: tokens, external ids, errors. May import `transport` and `settings`."""
