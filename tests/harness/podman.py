"""podman with images and containers of its own, so that nothing of it stays on this machine."""

import os
import shutil
import subprocess
from pathlib import Path


def why_not():
    if os.geteuid() != 0:
        return "podman is tried as root only"
    return None if shutil.which("podman") else "no podman"


def _settings(folder, driver):
    """For every command: an own store, this machine's network (the servers of tests are on loopback), and
    limits that a process without CAP_SYS_RESOURCE may set."""
    (folder / "storage.conf").write_text(f'[storage]\ndriver = "{driver}"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n')
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
    (folder / "containers.conf").write_text(
        f'[containers]\nnetns = "host"\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\nlog_driver = "k8s-file"\n'
        f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nlock_type = "file"\ntmp_dir = "{folder}/tmp"\n'
        f'static_dir = "{folder}/store/libpod"\nvolume_path = "{folder}/store/volumes"\n{runtime}')
    return {**os.environ, "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"), "CONTAINERS_CONF": str(folder / "containers.conf"),
            "BUILDAH_ISOLATION": "chroot"}


class Podman:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir()
        for driver in ("overlay", "vfs"):
            self.environment = _settings(self.folder, driver)
            status, store = self.ask("podman", "info", "-f", "{{.Store.GraphRoot}}")
            if status == 0:
                break
        assert store.strip() == f"{self.folder}/store", store  # what close() empties is nobody else's

    def ask(self, *words, seconds=3000, **more):
        ended = subprocess.run(list(map(str, words)), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               stdin=subprocess.DEVNULL, timeout=seconds, **more)
        return ended.returncode, ended.stdout

    def run(self, *words, **more):
        status, said = self.ask(*words, **more)
        assert status == 0, f"{words}: {status}\n{said[-4000:]}"
        return said

    def take(self, root, *names):
        """Makes an image of a root that debootstrap has made."""
        packed = self.folder / "root.tar"
        self.run("tar", "-C", root.folder, "--one-file-system", "-cf", packed, ".")
        self.run("podman", "import", "-q", packed, names[0])
        packed.unlink()
        for name in names[1:]:
            self.run("podman", "tag", names[0], name)

    def close(self):
        self.ask("podman", "rm", "--all", "--force", "--time", "10", "--volumes")
        self.ask("podman", "rmi", "--all", "--force")
        subprocess.run(["umount", "-q", str(self.folder / "store/overlay")], check=False, timeout=60, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)
