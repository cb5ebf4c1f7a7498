"""iPaaS.com's data families, single sign-on and subscriptions, as `ipaas_api.md` and the contract (§8) describe them."""
