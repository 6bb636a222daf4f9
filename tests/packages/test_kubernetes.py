"""The example for Kubernetes: its schemas, and that it fits the program's tables."""

import os
import re
import subprocess
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="no schemas of Kubernetes: make test-packages installs them")
kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="no schemas of Kubernetes: make test-packages installs them")

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("MONGOFERRY") or str(ROOT / "build/release/mongoferry")
EXAMPLE = ROOT / "contrib/kubernetes/mongoferry.yaml"
DOCUMENTS = {document["kind"]: document for document in yaml.safe_load_all(EXAMPLE.read_text())}
POD = DOCUMENTS["Job"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("kind", [kind for kind in DOCUMENTS if kind != "ServiceMonitor"])
def test_each_document_is_of_its_schema(kind, version):
    kubernetes_validate.validate(DOCUMENTS[kind], version, strict=True)


def test_the_schemas_find_a_wrong_field():
    job = yaml.safe_load(yaml.safe_dump(DOCUMENTS["Job"]))
    job["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, "1.37", strict=True)


def variables():
    """What the container gets: those of the ConfigMap, those of its own, and the file of each secret's key."""
    (source,) = CONTAINER["envFrom"]
    assert source["configMapRef"]["name"] == DOCUMENTS["ConfigMap"]["metadata"]["name"]
    return DOCUMENTS["ConfigMap"]["data"] | {variable["name"]: variable["value"] for variable in CONTAINER["env"]}


def test_the_variables_are_options_and_the_secrets_are_files(tmp_path):
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    given = variables()
    for name, value in DOCUMENTS["Secret"]["stringData"].items():
        (tmp_path / name).write_text(value)
    for name, value in given.items():
        if name.endswith("_FILE") and value.startswith(mounts["secrets"]):
            given[name] = str(tmp_path / value.removeprefix(mounts["secrets"] + "/"))
    assert given["MONGOFERRY_BOOKMARK_FILE"].startswith(mounts["state"]) and given["XDG_RUNTIME_DIR"] == mounts["run"]
    given |= {"MONGOFERRY_HOST": "r/127.0.0.1:1", "MONGOFERRY_DESTINATION": "r/127.0.0.1:1", "MONGOFERRY_BOOKMARK_FILE": str(tmp_path / "b"),
              "MONGOFERRY_HTTP_STATUS_PORT": "0", "MONGOFERRY_LOG_FORMAT": "text", "PATH": os.environ["PATH"]}
    ended = subprocess.run([BINARY], env=given, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert ended.returncode == 3 and " warn " not in ended.stderr, ended.stderr  # nobody listens there


def test_the_job_ends_at_the_statuses_that_a_restart_does_not_mend():
    """But for a signal's: a pod that was moved goes on elsewhere."""
    table = re.findall(r"ERROR_KIND\(\w+, (\d+), (true|false),", (ROOT / "base/error.def").read_text())
    final = sorted(int(status) for status, mends in table if mends == "false")
    rules = DOCUMENTS["Job"]["spec"]["podFailurePolicy"]["rules"]
    (failing,) = [rule["onExitCodes"] for rule in rules if rule["action"] == "FailJob"]
    assert failing["operator"] == "In" and failing["containerName"] == CONTAINER["name"]
    assert failing["values"] == [status for status in final if status not in (0, 11, 13)]
    assert POD["restartPolicy"] == "Never"  # as a policy asks for


def test_a_stop_may_drain_before_the_pod_is_killed():
    assert POD["terminationGracePeriodSeconds"] >= int(variables()["MONGOFERRY_DRAIN_SECONDS"]) + 20


def test_the_monitor_finds_the_status_port():
    monitor, service = DOCUMENTS["ServiceMonitor"], DOCUMENTS["Service"]
    labels = DOCUMENTS["Job"]["spec"]["template"]["metadata"]["labels"]
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= labels.items()
    (endpoint,), (port,), (exposed,) = monitor["spec"]["endpoints"], service["spec"]["ports"], CONTAINER["ports"]
    assert endpoint["port"] == port["name"] and port["targetPort"] == exposed["name"] and endpoint["path"] == "/metrics"
    assert str(exposed["containerPort"]) == str(port["port"]) == variables()["MONGOFERRY_HTTP_STATUS_PORT"]
    assert endpoint["authorization"]["credentials"]["key"] in DOCUMENTS["Secret"]["stringData"]


def test_the_pod_may_do_little_and_has_the_images_user():
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "contrib/container/Containerfile").read_text(), re.M).groups()
    context = POD["securityContext"]
    assert (str(context["runAsUser"]), str(context["runAsGroup"])) == user and context["runAsNonRoot"]
    assert context["seccompProfile"]["type"] == "RuntimeDefault" and not POD["automountServiceAccountToken"]
    assert not POD["enableServiceLinks"]
    own = CONTAINER["securityContext"]
    assert own["readOnlyRootFilesystem"] and not own["allowPrivilegeEscalation"] and own["capabilities"] == {"drop": ["ALL"]}
