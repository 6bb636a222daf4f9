"""A fresh, minimal Debian in a folder (debootstrap), of this machine's release and from the mirror that its apt has."""

import os
import shutil
import subprocess
from pathlib import Path

PLACES_OF_RUNS = {"proc", "sys", "dev", "tmp", "run"}  # what is there is no part of an installation
APT = {"DEBIAN_FRONTEND": "noninteractive"}


def why_not():
    """Why no root can be made here; None: it can."""
    if os.geteuid() != 0:
        return "a fresh Debian root needs root"
    if not shutil.which("debootstrap"):
        return "no debootstrap"
    return None if _mirror() else "apt has no lists of packages: apt-get update"


def _release():
    return next(line.partition("=")[2].strip() for line in Path("/etc/os-release").read_text().splitlines()
                if line.startswith("VERSION_CODENAME="))


def _mirror():
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", f"Codename: {_release()}"],
                            capture_output=True, text=True, timeout=60).stdout.split()
    return listed[0] if listed else None


class Root:
    def __init__(self, folder):
        self.folder = Path(folder)

    @classmethod
    def make(cls, folder, release=None):
        subprocess.run(["debootstrap", "--variant=minbase", release or _release(), str(folder), _mirror()], check=True, timeout=3000,
                       stdout=subprocess.DEVNULL)
        root = cls(folder)
        (root.folder / "etc/apt/apt.conf.d/90yes").write_text('APT::Get::Assume-Yes "true";\n')
        shutil.copy("/etc/resolv.conf", root.folder / "etc/resolv.conf")
        root.run("apt-get -q -o Acquire::Check-Valid-Until=false update")  # a mirror may keep an old day
        return root

    def copy(self, folder):
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.folder), str(folder)], check=True, timeout=600)
        return Root(folder)

    def command(self, *words, mounts="true"):
        """A command line that runs `words` in the root. It has /proc there. The mounts end with the process, which keeps its number."""
        script = f'mount -t proc proc {self.folder}/proc && {mounts} && exec chroot {self.folder} "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh", *map(str, words)]

    def start(self, *words, environment=(), mounts="true", **more):
        return subprocess.Popen(self.command(*words, mounts=mounts), stdin=subprocess.DEVNULL, text=True, **more,
                                env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                                     **dict(environment)})

    def run(self, script, timeout=3000):
        """By a shell in the root; what it wrote."""
        process = self.start("sh", "-ec", script, environment=APT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            said, _ = process.communicate(timeout=timeout)
        finally:
            process.kill()
        assert process.returncode == 0, f"{script}: {process.returncode}\n{said[-4000:]}"
        return said

    def paths(self):
        """All that is there, but for what apt and dpkg note."""
        found = set()
        for folder, folders, files in os.walk(self.folder):
            place = os.path.relpath(folder, self.folder)
            if place == ".":
                folders[:] = [name for name in folders if name not in PLACES_OF_RUNS]
            if place in ("var/cache", "var/log", "var/lib/apt", "var/lib/dpkg"):
                folders.clear()
                continue
            found |= {os.path.normpath(f"/{place}/{name}") for name in [*folders, *files]}
        return found
