"""What operators run beside the services."""
