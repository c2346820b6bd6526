"""Prints rules.yml as a PrometheusRule, the form in which the Prometheus operator takes it."""

from __future__ import annotations

from pathlib import Path

HEAD = """\
# Made from deploy/prometheus/rules.yml: python -m deploy.prometheus.kubernetes
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: agileim
spec:
"""


def prometheus_rule() -> str:
    """The manifest. Only shifted to the right, so that comments and layout stay."""
    text = (Path(__file__).parent / "rules.yml").read_text(encoding="utf-8")
    lines = text[text.index("groups:") :].splitlines()
    return HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)


if __name__ == "__main__":
    print(prometheus_rule(), end="")
