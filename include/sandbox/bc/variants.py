"""Page services as one tenant serves them: its own fields, its country's, those its version lacks, its user's language."""

from __future__ import annotations

from dataclasses import replace

from include.sandbox.bc.answers import Request
from include.sandbox.bc.schema import Property, View
from include.sandbox.bc.tenant import Tenant

# What the country layer of the United States and Mexico adds to pages: property -> table field.
_LOCALISATION: dict[str, dict[str, str]] = {
    "CustomerCard": {
        "Tax_Exemption_No": "Tax Exemption No.",
        "UPS_Zone": "UPS Zone",
        "RFC_No": "RFC No.",
        "CURP_No": "CURP No.",
        "State_Inscription": "State Inscription",
    },
    "ItemCard": {
        "SAT_Item_Classification": "SAT Item Classification",
        "SAT_Hazardous_Material": "SAT Hazardous Material",
    },
    "Locations": {"Tax_Area_Code": "Tax Area Code", "Tax_Exemption_No": "Tax Exemption No."},
    "SalesOrders": {
        "Tax_Liable": "Tax Liable (header)",
        "CFDI_Purpose": "CFDI Purpose",
        "Transport_Operators": "Transport Operators",
    },
    "ShippingAgents": {"SAT_Registration_No": "SAT Registration No."},
}
# Captions of options as a user of another language sees them.
_CAPTIONS: dict[str, dict[str, str]] = {
    "de-DE": {
        "All": "Alle",
        "Charge (Item)": "Zu-/Abschlag (Artikel)",
        "Comment": "Bemerkung",
        "Company": "Unternehmen",
        "Credit Memo": "Gutschrift",
        "Customer Price Group": "Debitorenpreisgruppe",
        "Fixed Asset": "Anlage",
        "G/L Account": "Sachkonto",
        "Inventory": "Bestand",
        "Invoice": "Rechnung",
        "Item": "Artikel",
        "Non-Inventory": "Nicht-Bestand",
        "Open": "Offen",
        "Order": "Auftrag",
        "Pending Approval": "Genehmigung ausstehend",
        "Released": "Freigegeben",
        "Resource": "Ressource",
        "Service": "Dienstleistung",
        "Ship": "Lieferung",
    }
}


def as_served(tenant: Tenant, view: View, request: Request) -> View:
    """The view as this tenant's version, country and user see it; API v2.0 is the same everywhere."""
    if view.api:
        return view
    switches = tenant.switches
    more = dict(tenant.extensions.get(view.name, {}))
    if switches.localisation_fields:
        more |= _LOCALISATION.get(view.name, {})
    missing = {name.partition(".")[2] for name in switches.missing_properties if name.startswith(f"{view.name}.")}
    captions = _CAPTIONS.get(_language(tenant, request), {})
    if not (more or missing or captions):
        return view
    own = {
        name: Property(name=name, type="Edm.String", field=field, max_length=50)
        for name, field in more.items()
        if name not in view.properties
    }
    properties = {name: prop for name, prop in {**view.properties, **own}.items() if name not in missing}
    return replace(view, properties=properties, captions=captions)


def _language(tenant: Tenant, request: Request) -> str:
    """Whose captions are sent: of the language that the request asks for, or else of the application's user."""
    asked = request.headers.get("accept-language", "").partition(",")[0].partition(";")[0].strip()
    return asked or tenant.switches.user_language
