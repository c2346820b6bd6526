"""Rules and dashboards ask for metrics that the services really show; every alert has a page."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from deploy.grafana.write import DASHBOARDS, FOLDER, text_of
from deploy.prometheus.kubernetes import prometheus_rule
from services.api.metrics import ApiMetrics
from services.auth.metrics import AuthMetrics
from services.dispatcher.metrics import DispatcherMetrics
from services.gateway.metrics import GatewayMetrics
from shared import frames
from shared.codes import ErrorCode
from shared.metrics import LATENCY_BUCKETS_S, Metrics
from tests.operators.deployments import ROOT, compose, tool

PROMETHEUS = ROOT / "deploy/prometheus"
RULES = (PROMETHEUS / "rules.yml").read_text(encoding="utf-8")
PROMTOOL_ADVICE = "Debian: prometheus"


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def shown_metrics() -> set[str]:
    """The names of all samples that the services can show, as they show them."""
    metrics = Metrics()
    ApiMetrics(metrics)
    AuthMetrics(metrics)
    DispatcherMetrics(metrics)
    # gauges of the gateway are named where their values are
    source = (ROOT / "services/gateway/app.py").read_text(encoding="utf-8")
    names = {f"agileim_gateway_{name}" for name in re.findall(r'\bgauge\("(\w+)"', source)}
    assert names, "the gateway's gauges are no longer found"
    GatewayMetrics(gateway := CollectorRegistry())
    for registry in (metrics.registry, gateway):
        for family in registry.collect():
            names.add(family.name + ("_total" if family.type == "counter" else ""))
            if family.type == "histogram":
                names |= {f"{family.name}_{part}" for part in ("bucket", "count", "sum")}
            names |= {sample.name for sample in family.samples}
    return names


def used_metrics(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:agileim_|process_)\w+", expression))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert used_metrics(rule["expr"]) <= shown_metrics()
    recorded = {each["record"] for each in rules() if "record" in each}
    assert set(re.findall(r"agileim:[\w:]+", rule["expr"])) <= recorded


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_asks_for_metrics_that_exist(name: str) -> None:
    dashboard = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    recorded = {each["record"] for each in rules() if "record" in each}
    for panel in dashboard["panels"]:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            found = used_metrics(target["expr"])
            shortcuts = set(re.findall(r"agileim:[\w:]+", target["expr"]))
            assert found or shortcuts, target["expr"]
            assert found <= shown_metrics(), target["expr"]
            assert shortcuts <= recorded


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboards_file_is_what_its_code_says(name: str) -> None:
    written = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert written == text_of(name), "python -m deploy.grafana.write"


def test_prometheus_understands_every_query_of_the_dashboards(tmp_path: Path) -> None:
    promtool = tool("promtool", PROMTOOL_ADVICE)
    queries = [
        query.replace("$__rate_interval", "5m")
        for _, panels in DASHBOARDS.values()
        for panel in panels
        for query in panel.queries.values()
    ]
    made = [{"record": f"query:{n}", "expr": query} for n, query in enumerate(queries)]
    (tmp_path / "rules.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "dashboards", "rules": made}]}), encoding="utf-8"
    )
    run = subprocess.run(
        [promtool, "check", "rules", tmp_path / "rules.yml"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def test_labels_in_rules_have_values_that_exist() -> None:
    for name in re.findall(r'type="(\w+)"', RULES):
        assert hasattr(frames, name), f"no frame {name}"
    for choices in re.findall(r'code=~"([\w|]+)"', RULES):
        assert set(choices.split("|")) <= set(ErrorCode)
    for bound in re.findall(r'le="([\d.]+)"', RULES):
        assert bound in map(str, LATENCY_BUCKETS_S)
    for jobs in re.findall(r'job=~"([\w|]+)"', RULES):
        assert set(jobs.split("|")) == {"auth", "api", "dispatcher", "gateway"}


def test_promtool_proves_the_rules() -> None:
    promtool = tool("promtool", PROMTOOL_ADVICE)
    for command in (
        ["check", "rules", PROMETHEUS / "rules.yml"],
        ["test", "rules", PROMETHEUS / "rules.test.yml"],
        ["check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml"],
    ):
        run = subprocess.run([promtool, *command], check=False, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


def test_every_alert_is_tested() -> None:
    tested = (PROMETHEUS / "rules.test.yml").read_text(encoding="utf-8")
    for rule in alerts():
        assert rule["alert"] in tested


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_has_a_page_that_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"
    page = (ROOT / rule["annotations"]["runbook"]).read_text(encoding="utf-8")
    for heading in (f"# {rule['alert']}", "## What it means", "## Look at", "## Do"):
        assert heading in page


def test_no_page_is_left_of_an_alert_that_is_gone() -> None:
    pages = {path.stem for path in (ROOT / "docs/runbooks").glob("AgileIM*.md")}
    assert pages == {rule["alert"] for rule in alerts()}


def test_kubernetes_gets_the_same_rules() -> None:
    written = (ROOT / "k8s/components/monitoring/rules.yaml").read_text(encoding="utf-8")
    assert written == prometheus_rule(), "python -m deploy.prometheus.kubernetes"
    assert yaml.safe_load(written)["spec"] == yaml.safe_load(RULES)


def test_prometheus_is_pointed_at_every_service() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    targets = {
        scrape["job_name"]: scrape["static_configs"][0]["targets"]
        for scrape in config["scrape_configs"]
    }
    assert targets == {name: [f"{name}:8000"] for name in ("auth", "api", "dispatcher", "gateway")}
    for service in ("prometheus", "grafana"):
        for volume in compose()["services"][service]["volumes"]:
            if volume.startswith("./"):
                assert (ROOT / volume.partition(":")[0]).exists(), volume


def test_autoscalers_ask_for_what_the_adapter_gives() -> None:
    adapter = yaml.safe_load((PROMETHEUS / "adapter.yaml").read_text(encoding="utf-8"))
    given = {rule["name"]["as"] for rule in adapter["rules"]["custom"]}
    text = (ROOT / "k8s/overlays/production/autoscaling.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"metric: \{ name: (\w+) \}", text))
    assert asked == given
    assert asked <= shown_metrics()
