"""The dispatcher's rules, without input or output: order, members, presence, routing, sharing."""
