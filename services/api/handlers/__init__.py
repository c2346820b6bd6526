"""What is served, one module per noun. Public ones declare endpoints, internal ones routes."""
