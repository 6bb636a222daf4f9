"""The container image, built and run by podman with README's own commands. Without podman test_container.py follows its steps."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from compare import compare
from conftest import readme
from containerfile import instructions

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "contrib/container/Containerfile"


@pytest.fixture(scope="module")
def builder(engine, tmp_path_factory):
    """Where README's first command has built the image."""
    if isinstance(engine, str):
        pytest.skip(f"{engine}: test_container.py follows the Containerfile's steps instead")
    engine.context = tmp_path_factory.mktemp("image") / "context"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(engine.context)], check=True, timeout=300)
    (engine.context / "build").mkdir()
    (engine.context / "build/left").write_text("a build of the person who makes the image")
    engine.run("sh", "-ec", commands()[0], cwd=engine.context)
    return engine


def commands():
    """README's: to build, to run, to ask."""
    text = re.sub(r"\\\n", " ", readme("A container"))
    found = [line.strip() for line in text.splitlines() if line.startswith("podman ")]
    assert len(found) == 3, found
    return found


def test_a_build_that_is_there_does_not_go_into_the_image(builder):
    builder.run("podman", "build", "--format", "docker", "--target", "build", "-f", FILE, "-t", "stage", ".", cwd=builder.context)  # from the cache
    assert "Makefile" in builder.run("podman", "run", "--rm", "stage", "ls", "/src")
    assert builder.ask("podman", "run", "--rm", "stage", "test", "-e", "/src/build/left")[0] == 1


def test_the_image_has_no_compiler_and_says_how_it_is_run(builder):
    (image,) = json.loads(builder.run("podman", "image", "inspect", "mongoferry"))
    settings = image["Config"]
    assert settings["User"] == "10001:10001" and settings["Entrypoint"] == ["/usr/bin/mongoferry"] and settings["StopSignal"] in ("SIGTERM", "15")
    assert (image.get("Healthcheck") or settings["Healthcheck"])["Test"] == ["CMD", "/usr/bin/mongoferry", "status"]
    assert list(settings["Volumes"]) == ["/var/lib/mongoferry"]
    said = builder.run("podman", "run", "--rm", "--entrypoint", "/bin/sh", "mongoferry", "-c",
                       "id -u; stat -c '%u:%g %a' /var/lib/mongoferry; ls -d /usr/bin/gcc /src /tmp/*.deb /var/lib/apt/lists/*Packages* 2> /dev/null || true")
    lines = [line for line in said.splitlines() if not line.startswith("time=")]  # without systemd podman says that nothing asks for the health
    assert lines == ["10001", "10001:10001 700"]


def wait_for(builder, wanted):
    deadline = time.monotonic() + 300
    while not wanted():
        log = builder.ask("podman", "logs", "shop")[1]
        running = builder.run("podman", "inspect", "-f", "{{.State.Running}}", "shop").strip()
        assert running == "true" and time.monotonic() < deadline, log[-3000:]
        time.sleep(0.2)


def test_a_migration_by_readmes_commands(builder, pair):
    """Checked by the health check, stopped, gone on with in a new container of the same volume, stopped."""
    source, target = pair
    _, run, ask = commands()
    run = run.replace("MyRS/db1.example.net:27017", source.seed).replace("NewRS/new1.example.net:27017", target.seed)
    assert source.seed in run and target.seed in run
    source.client().shop.orders.insert_many({"_id": n} for n in range(2000))
    bound = "podman run --read-only --read-only-tmpfs=false --cap-drop all --security-opt no-new-privileges"  # as the Job for Kubernetes
    for writes in ("first", "second"):
        builder.run("sh", "-ec", run if writes == "first" else run.replace("podman run", bound))
        wait_for(builder, lambda: "phase: tailing the oplog" in builder.ask("podman", "logs", "shop")[1])
        assert "tailing the oplog" in builder.run("sh", "-ec", ask)
        builder.run("podman", "healthcheck", "run", "shop")
        source.client().shop.orders.insert_one({"_id": writes})
        builder.run("podman", "stop", "shop")
        assert builder.run("podman", "inspect", "-f", "{{.State.ExitCode}}", "shop").strip() == "0", builder.ask("podman", "logs", "shop")[1]
        log = builder.run("podman", "logs", "shop")
        assert " warn " not in log and ("phase: copying" in log) == (writes == "first"), log
        assert builder.ask("podman", "healthcheck", "run", "shop")[0] != 0  # nothing runs
        builder.run("podman", "rm", "shop")  # the volume stays
    assert compare(source.client(), target.client()).equal


def test_the_file_has_what_a_builder_wants():
    words = [word for word, _ in instructions(FILE)]
    assert words.count("FROM") == 2 and words[-1] == "ENTRYPOINT"
