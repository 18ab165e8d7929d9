"""The samples against the facts written down for them."""
