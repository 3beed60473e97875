"""The Grafana dashboards, as manifests/grafana has them: made by scripts/manifests.

Each query keeps what tells one training from another (namespace, name, instance), and leaves out the labels of the process
that was scraped, so that a new pod goes on with the line of the old one.
"""

import json

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
OF_OPERATOR = "instance, pod, container, endpoint, service, job"
OF_POD = "pod, container, endpoint, job"
CHOSEN = 'namespace=~"$namespace",name=~"$training"'
TRAINING = "{{namespace}}/{{name}}"


def status(metric, more="", function="max"):
    """A metric of the operator about the chosen trainings, once for all replicas."""
    return f"{function} without ({OF_OPERATOR}) ({metric}{{{CHOSEN}{more}}})"


def own(metric, more="", dropped=""):
    """A metric of aggregators or workers of the chosen trainings."""
    return f"max without ({OF_POD}{dropped}) ({metric}{{{CHOSEN}{more}}})"


def rate(metric, more="", dropped=""):
    return f"sum without ({OF_POD}{dropped}) (rate({metric}{{{CHOSEN}{more}}}[$__rate_interval]))"


def quantile(q, metric, keep):
    return f"histogram_quantile({q}, sum by ({keep}, le) (rate({metric}_bucket{{{CHOSEN}}}[$__rate_interval])))"


def panel(title, kind, queries, unit="short", what="", width=8, height=8, **options):
    """queries: (expression, legend). Tables show the labels of an instant query."""
    is_table = kind == "table"
    targets = []
    for i, (expression, legend) in enumerate(queries):
        target = {"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
        targets.append({**target, "instant": True, "format": "table"} if is_table else target)
    made = {"title": title, "type": kind, "description": what, "datasource": SOURCE, "targets": targets,
            "gridPos": {"w": width, "h": height}, "fieldConfig": {"defaults": {"unit": unit, **options}, "overrides": []}}
    if is_table:
        made["transformations"] = [{"id": "organize", "options": {"excludeByName": {"Time": True, "Value": True}}}]
    elif kind == "timeseries":
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    else:
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    return made


def row(title):
    return {"title": title, "type": "row", "collapsed": False, "panels": [], "gridPos": {"w": 24, "h": 1}}


def laid_out(panels):
    """From left to right and top to bottom, in 24 columns."""
    x = y = tallest = 0
    for number, one in enumerate(panels, 1):
        place = one["gridPos"]
        if x + place["w"] > 24:
            x, y, tallest = 0, y + tallest, 0
        place.update(x=x, y=y)
        one["id"] = number
        x, tallest = x + place["w"], max(tallest, place["h"])
    return panels


def variable(name, label, query):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name},
            "refresh": 2, "sort": 1, "includeAll": True, "allValue": ".*", "multi": True,
            "current": {"text": "All", "value": "$__all"}}


def dashboard(uid, title, variables, panels):
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return {"uid": uid, "title": title, "tags": ["genesis"], "schemaVersion": 39, "version": 1, "editable": True,
            "refresh": "30s", "time": {"from": "now-1h", "to": "now"}, "timezone": "",
            "templating": {"list": [source, *variables]}, "annotations": {"list": []}, "panels": laid_out(panels)}


def training():
    namespace = variable("namespace", "Namespace", "label_values(genesis_training_status, namespace)")
    name = variable("training", "Training", 'label_values(genesis_training_status{namespace=~"$namespace"}, name)')
    return dashboard("genesis-training", "Genesis Federated: Training", [namespace, name], [
        row("Trainings"),
        panel("Phase", "table", [(status("genesis_training_status") + " == 1", TRAINING)],
              what="Of each training, while it exists."),
        panel("Rounds closed", "bargauge",
              [(f"{status('genesis_training_round')} / {status('genesis_training_rounds')}", TRAINING)],
              unit="percentunit", min=0, max=1, what="The open round, or the last one, of all rounds."),
        panel("Problems", "table", [(status("genesis_training_condition", ',type=~"Degraded|Failed"'), TRAINING)],
              what="Reasons of the conditions Degraded and Failed. genesis federated status has the messages."),
        panel("Round", "timeseries", [(status("genesis_training_round"), TRAINING)],
              what="The open round, or the last one that closed."),
        panel("Clients", "timeseries", [(status("genesis_training_clients"), TRAINING + " take part"),
                                        (status("genesis_training_clients_needed"), TRAINING + " needed")]),
        panel("Since the last progress", "timeseries",
              [(f"time() - {status('genesis_training_progress_timestamp_seconds', function='min')}", TRAINING)], unit="s",
              what="Since phase or round changed."),
        row("Rounds, as the aggregators tell"),
        panel("Duration of a round", "timeseries",
              [(quantile(0.5, "genesis_round_duration_seconds", "instance"), "{{instance}} median")], unit="s"),
        panel("Rounds retried", "timeseries",
              [(f'max without ({OF_POD}, result) (increase(genesis_rounds_total{{{CHOSEN},result="retried"}}[5m]))',
                "{{instance}}")], what="Deadlines without a quorum, within five minutes."),
        panel("Clients of the round", "timeseries", [(own("genesis_round_clients"), "{{instance}} {{state}}")]),
        panel("Generator loss", "timeseries", [(own("genesis_generator_loss"), "{{instance}}")],
              what="Mean over the clients of the last closed round, by rows."),
        panel("Discriminator loss", "timeseries", [(own("genesis_discriminator_loss"), "{{instance}}")]),
        panel("Norm of updates", "timeseries", [(own("genesis_update_norm"), "{{instance}}")]),
        row("Clients"),
        panel("Divergence", "timeseries", [(own("genesis_client_divergence"), "{{instance}} {{client}}")],
              what="0: as the global step before; 1: unrelated; 2: the opposite."),
        panel("Training time", "timeseries", [(own("genesis_client_train_seconds"), "{{instance}} {{client}}")], unit="s"),
        panel("Rounds missed", "timeseries",
              [(own("genesis_client_missed_rounds_total"), "{{instance}} {{client}}")],
              what="Rounds for which the client was selected, but whose aggregate it is not in."),
        panel("Time of a step, 95%", "timeseries",
              [(quantile(0.95, "genesis_local_step_seconds", "instance"), "{{instance}}")], unit="s"),
        panel("Weight in the aggregate", "timeseries",
              [(own("genesis_client_weight_share"), "{{instance}} {{client}}")], unit="percentunit"),
        panel("Updates scaled down", "timeseries", [(own("genesis_scaled_updates_total"), "{{instance}} {{client}}")]),
        row("Privacy, traffic, processes"),
        panel("Epsilon", "timeseries", [(status("genesis_training_privacy_epsilon"), TRAINING + " claimed"),
                                        (own("genesis_local_privacy_epsilon"), "{{instance}} {{kind}}")],
              what="What a training claims, and at each site what all trainings have spent, of which total."),
        panel("Bytes of updates", "timeseries",
              [(rate("genesis_update_bytes_total", dropped=", encoding"), "{{instance}} {{direction}}")], unit="Bps"),
        panel("Requests refused", "timeseries",
              [(rate("genesis_refused_requests_total") + " > 0", "{{instance}} {{reason}}")], unit="reqps"),
        panel("Memory", "timeseries", [(own("process_resident_memory_bytes"), "{{instance}}")], unit="bytes"),
        panel("Processor", "timeseries", [(rate("process_cpu_seconds_total"), "{{instance}}")],
              what="Cores."),
        panel("Certificates end in", "timeseries",
              [(f"{status('genesis_training_certificate_expiry_timestamp_seconds')} - time()", TRAINING)], unit="s"),
    ])


def operator():
    of = '{controller="federatedtraining"}'
    by_phase = f"count by (phase) (max without ({OF_OPERATOR}) (genesis_training_status) == 1)"
    of_rate = lambda metric, keep, where="": f"sum by ({keep}) (rate({metric}{where}[$__rate_interval]))"
    p95 = lambda metric, where="": ("histogram_quantile(0.95, sum by (le) "
                                    f"(rate({metric}_bucket{where}[$__rate_interval])))")
    return dashboard("genesis-operator", "Genesis Federated: Operator", [], [
        panel("Leader", "stat", [('max by (instance) (leader_election_master_status{name="genesis-operator"})', "{{instance}}")],
              width=6, height=5, what="1 on the replica that leads."),
        panel("Trainings by phase", "bargauge", [(by_phase, "{{phase}}")], width=10, height=5),
        panel("Failures by reason", "table",
              [(f'count by (reason) (max without ({OF_OPERATOR}) (genesis_training_condition{{type="Failed"}}))', "{{reason}}")],
              height=5),
        panel("Reconciles", "timeseries", [(of_rate("controller_runtime_reconcile_total", "result", of), "{{result}}")],
              unit="ops"),
        panel("Reconcile errors", "timeseries",
              [(of_rate("controller_runtime_reconcile_errors_total", "instance", of), "{{instance}}")], unit="ops"),
        panel("Time of a reconcile, 95%", "timeseries",
              [(p95("controller_runtime_reconcile_time_seconds", of), "with its requests"),
               (p95("genesis_operator_reconcile_cpu_seconds"), "processor")], unit="s"),
        panel("Queue", "timeseries", [('max by (instance) (workqueue_depth{name="federatedtraining"})', "{{instance}}")]),
        panel("Time in the queue, 95%", "timeseries",
              [(p95("workqueue_queue_duration_seconds", '{name="federatedtraining"}'), "wait")], unit="s"),
        panel("Statuses written", "timeseries", [(of_rate("genesis_operator_status_writes_total", "result"), "{{result}}")],
              unit="ops"),
        panel("Requests to the API server", "timeseries", [(of_rate("rest_client_requests_total", "method, code"),
                                                            "{{method}} {{code}}")], unit="reqps"),
        panel("Memory", "timeseries",
              [('process_resident_memory_bytes{job="genesis-operator"}', "{{instance}}")], unit="bytes"),
        panel("Processor", "timeseries",
              [('sum by (instance) (rate(process_cpu_seconds_total{job="genesis-operator"}[$__rate_interval]))', "{{instance}}")],
              what="Cores."),
    ])


def dashboards():
    """(name of the file, its text)"""
    for one in (training(), operator()):
        yield f"{one['uid']}.json", json.dumps(one, indent=1) + "\n"
