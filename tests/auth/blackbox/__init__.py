"""One suite over HTTP for any OAuth server: first an independent one, then ours."""
