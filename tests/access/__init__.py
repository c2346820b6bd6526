"""Who may call what: one table over every route and every frame."""
