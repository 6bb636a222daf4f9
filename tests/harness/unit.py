"""Runs a systemd unit in a root where no systemd can run: what mongoferry@.service says, as systemd would do it."""

import os
import re
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from manager import Manager

USER = 61500  # of those that DynamicUser takes


class Unit:
    """An instance. start() until READY=1, stop() as `systemctl stop`; `restarts` tells what systemd would do after a status."""

    def __init__(self, root, file, instance):
        self.root, self.instance = root, instance
        text = (root.folder / file.lstrip("/")).read_text()
        self.settings = re.findall(r"^(\w+)=(.*)$", text, re.M)
        self.state = f"/var/lib/{self.setting('StateDirectory')}"
        self.credentials = f"/run/credentials/mongoferry@{instance}.service"
        self.process = self.manager = None
        self.log = root.folder / f"tmp/{instance}.log"
        self._check()

    def setting(self, name):
        values = [value for key, value in self.settings if key == name]
        return re.sub(r"%i", self.instance, values[-1]).replace("%S", "/var/lib")

    def _check(self):
        """What is done here is what the unit asks for."""
        assert self.setting("Type") == "notify" and self.setting("NotifyAccess") == "main"
        assert self.setting("DynamicUser") == "yes" and self.setting("WorkingDirectory") == self.state
        assert self.setting("KillMode") == "mixed" and int(self.setting("WatchdogSec")) >= 10

    def _make_state(self):
        """With DynamicUser the state is in /var/lib/private, which only root may enter, and a link leads there."""
        name = self.setting("StateDirectory")
        private = self.root.folder / "var/lib/private"
        for folder in (private, private / Path(name).parts[0], private / name):
            folder.mkdir(mode=0o700, exist_ok=True)
        (private / Path(name).parts[0]).chmod(0o755)
        os.chown(private / name, USER, USER)
        link = self.root.folder / "var/lib" / name
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(f"../private/{name}")

    def _mounts(self):
        """The service sees /var/lib/private with its own state in it, and nothing else."""
        place = f"{self.root.folder}/var/lib/private"
        own, aside = f"{place}/{self.setting('StateDirectory')}", f"{self.root.folder}/mnt"
        return (f"mount --bind {own} {aside} && mount -t tmpfs -o mode=755 tmpfs {place} && mkdir -p {own} && "
                f"mount --move {aside} {own}")

    def _hand_over_credentials(self):
        name, _, path = self.setting("LoadCredential").partition(":")
        folder = self.root.folder / self.credentials.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.root.folder / path.lstrip("/"), folder / name)
        os.chmod(folder / name, 0o400)
        for made in (folder, folder / name):
            os.chown(made, USER, USER)

    def start(self, ready=True):
        self._make_state()
        self._hand_over_credentials()
        self.manager = Manager(f"@mongoferry-{uuid.uuid4()}")
        command = self.setting("ExecStart").replace("${CREDENTIALS_DIRECTORY}", self.credentials).split()
        environment = {**self.manager.environment, "WATCHDOG_USEC": f"{self.setting('WatchdogSec')}000000",
                       "CREDENTIALS_DIRECTORY": self.credentials, "STATE_DIRECTORY": self.state}
        with open(self.log, "ab") as log:
            self.process = self.root.start(
                "sh", "-c", f'cd {self.state} && umask {self.setting("UMask")} && exec "$@"', "sh",
                "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs", "--bounding-set=-all",
                "--inh-caps=-all", *command, environment=environment, mounts=self._mounts(), stdout=log, stderr=log, start_new_session=True)
        if ready:
            self.manager.wait("READY=1", seconds=180, alive=self.runs)
        return self

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def said(self):
        return self.log.read_text(errors="replace")

    def end(self, number):
        """Sends the signal to the main process, and gives the exit status."""
        os.kill(self.process.pid, number)
        return self._wait()

    def _wait(self):
        status = self.process.wait(300)
        self.manager.close()
        return status

    def stop(self):
        return self.end(signal.SIGTERM)

    def restarts(self, status):
        """After that status, or the signal that a negative one is."""
        assert self.setting("Restart") == "on-failure"
        return status != 0 and str(status) not in self.setting("RestartPreventExitStatus").split()

    def close(self):
        if self.runs():
            self.process.send_signal(signal.SIGKILL)
            try:
                self._wait()
            except subprocess.TimeoutExpired:
                pass
