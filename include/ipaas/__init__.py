"""The client of iPaaS.com: tokens, external ids, errors."""
