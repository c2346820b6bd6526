"""SQL lives here and nowhere else: one module per noun, one method per question."""
