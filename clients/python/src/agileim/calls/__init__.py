"""The calls of the REST interface ``/v1``, by what they are about."""
