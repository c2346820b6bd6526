"""Mail to people: what it says, and how it gets away without anybody waiting for it."""
