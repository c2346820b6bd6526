"""auth: who you are. OAuth 2.0 and OpenID Connect, and the pages on which people sign in."""
