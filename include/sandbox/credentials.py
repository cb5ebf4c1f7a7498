"""The one tenant, application, user and subscription that the sandbox knows. They open nothing but the sandbox."""

TENANT_ID = "7f0c3c5e-4a1b-4d5e-9a53-1f2d3c4b5a69"
CLIENT_ID = "2b8d4f0a-6c1e-4f3a-8b7d-9e0f1a2b3c4d"
CLIENT_SECRET = "sandbox-client-secret"
ENVIRONMENT = "Production"
COMPANY_NAME = "CRONUS USA, Inc."
IPAAS_EMAIL = "sync@example.com"
IPAAS_PASSWORD = "sandbox-ipaas-password"
IPAAS_COMPANY_ID = "5d2f7c80-3f0e-4d43-9a6c-2f5f0b1c7e11"
SYSTEM_ID = 4711
OTHER_SYSTEM_ID = 4712
WEBHOOK_API_KEY = "sandbox-webhook-key"
