"""The endpoints, one module per RFC or page."""
