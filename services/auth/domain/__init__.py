"""The rules of auth, without I/O."""
