"""The server programs that the services need: where they are found, and how one is run."""
