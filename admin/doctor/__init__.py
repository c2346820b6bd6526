"""``doctor``: looks at all that an installation needs, and says how to mend what is wrong."""
