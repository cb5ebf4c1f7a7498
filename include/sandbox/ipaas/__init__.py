"""iPaaS.com's data families, single sign-on and subscriptions, as docs/ipaas.md describes them."""
