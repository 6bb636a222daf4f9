"""Follows a Containerfile in roots that debootstrap has made, where no builder of images is: RUN, COPY and what the last stage sets.

It knows the instructions that ours has, and refuses others."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from debian_root import APT

SET = {"USER", "WORKDIR", "VOLUME", "ENV", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"}


def instructions(file):
    """(word, rest) of each, comments taken away and lines joined."""
    text = re.sub(r"^\s*#.*\n", "", Path(file).read_text(), flags=re.M)
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            yield word, rest.strip()


class Image:
    """The last stage's root, and `settings`: the instructions that only set something."""

    def __init__(self, file, context, fresh, folder):
        self.context, self.fresh, self.folder = Path(context), fresh, Path(folder)
        self.stages, self.root, self.settings, self.workdir = {}, None, {}, "/"
        for word, rest in instructions(file):
            getattr(self, f"_{word.lower()}", self._set)(rest) if word not in SET else self._set(rest, word)

    def _arg(self, rest):
        assert rest.partition("=")[2].endswith("debian:bookworm"), rest  # what `fresh` is

    def _from(self, rest):
        base, _, name = rest.partition(" AS ")
        assert base.startswith("${BASE}"), rest
        name = name or "last"
        self.root = self.stages[name] = self.fresh.copy(self.folder / name)
        self.settings, self.workdir = {}, "/"

    def _run(self, rest):
        self.root.run(f"cd {self.workdir}\n{rest}")

    def _copy(self, rest):
        words = shlex.split(rest)
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
        source, target = words
        to = self.root.folder / target.lstrip("/")
        if stage:
            (found,) = self.stages[stage].folder.glob(source.lstrip("/"))
            shutil.copy(found, to)
        else:
            assert source == ".", rest
            to.mkdir(parents=True)
            ignored = [f"--exclude={'*/' if line.startswith('**/') else './'}{line.removeprefix('**/')}"
                       for line in (self.context / ".dockerignore").read_text().split()]
            packed = subprocess.Popen(["tar", "-C", self.context, *ignored, "-c", "."], stdout=subprocess.PIPE)
            subprocess.run(["tar", "-C", to, "--no-same-owner", "-x"], stdin=packed.stdout, check=True, timeout=600)
            assert packed.wait() == 0

    def _set(self, rest, word=None):
        assert word, f"an instruction that is not known here: {rest}"
        self.settings.setdefault(word, []).append(rest)
        if word == "WORKDIR":
            self.workdir = rest

    def environment(self):
        return dict(shlex.split(rest)[0].partition("=")[::2] for rest in self.settings["ENV"])

    def words(self, name):
        """Of ENTRYPOINT or HEALTHCHECK, which need no shell: a JSON array."""
        return json.loads(self.settings[name][-1][self.settings[name][-1].index("["):])

    def start(self, *arguments, environment=(), words=None, **more):
        """As a container does: with the entry point (or `words`), the user, the folder and the variables."""
        user = self.settings["USER"][-1]
        command = ["setpriv", "--reuid", user.partition(":")[0], "--regid", user.partition(":")[2], "--clear-groups", "--no-new-privs",
                   "env", "-C", self.workdir, *(words or self.words("ENTRYPOINT")), *arguments]
        shm = f"mount -t tmpfs -o mode=1777 shm {self.root.folder}/dev/shm"  # containers have it
        return self.root.start(*command, environment={**self.environment(), **dict(environment)}, mounts=shm, **more)
