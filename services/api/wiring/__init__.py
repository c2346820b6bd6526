"""How the parts of api hang together, a file for each noun; `app` joins them."""
