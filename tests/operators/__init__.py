"""What operators are given: the image, Compose, Kubernetes, alerts, dashboards, their pages."""
