"""auth's short-lived records in Redis. Losing them all costs people one more sign-in."""
