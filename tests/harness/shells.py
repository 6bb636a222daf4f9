"""Interactive shells with mongoferry's completions, on a terminal of their own."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")


class Shell:
    """bash or zsh. `ready` are lines that it reads first."""

    def __init__(self, words, ready, folder):
        self.master, slave = pty.openpty()
        environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment,
                                        start_new_session=True)
        os.close(slave)
        for line in ready:
            self.send(line + "\n")
        self.send("echo rea''dy\n")
        self.read_until("ready\r\n")

    def send(self, text):
        os.write(self.master, text.encode())

    def read_until(self, text, seconds=60):
        read, end = "", time.monotonic() + seconds
        while text not in read:
            assert select.select([self.master], [], [], max(0, end - time.monotonic()))[0], read
            read += os.read(self.master, 4096).decode(errors="replace")
        return read

    def complete(self, line):
        """What Tab makes of the last word. The shell itself prints it: mongoferry is a function there."""
        self.send(f"mongoferry {line}\t -- end\n")
        printed = self.read_until("<end>\r\n")
        return re.findall(r"^<(.*)>\r?$", printed, re.M)[-3]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


PRINT = "mongoferry() { printf '<%s>\\n' \"$@\"; }"


def bash(completions, folder):
    loaded = [f"source {BASH_COMPLETION}"] if BASH_COMPLETION.exists() else []
    return Shell(["bash", "--norc", "--noprofile", "-i"],
                 [*loaded, f"source {completions}/bash-completion/completions/mongoferry", PRINT],
                 folder)


def zsh(completions, folder):
    return Shell(["zsh", "-f", "-i"],
                 [f"fpath=({completions}/zsh/site-functions $fpath)", "autoload -U compinit", "compinit -u -D", PRINT,
                  "unsetopt zle_bracketed_paste prompt_cr prompt_sp", "PS1='> '"], folder)


class Fish:
    """fish itself tells what it would propose for a line."""

    def __init__(self, completions, folder):
        self.completions, self.folder = completions, folder

    def complete(self, line):
        script = f"source {self.completions}/fish/vendor_completions.d/mongoferry.fish; complete -C $argv[1]"
        result = subprocess.run(["fish", "--no-config", "-c", script, f"mongoferry {line}"], capture_output=True, text=True,
                                timeout=60, cwd=self.folder)
        assert result.returncode == 0 and not result.stderr, result.stderr
        proposed = [proposal.split("\t")[0] for proposal in result.stdout.splitlines()]
        return os.path.commonprefix(proposed) if proposed else line.split()[-1]


@contextmanager
def start(name, completions, folder):
    if name == "fish":
        yield Fish(completions, folder)
        return
    shell = {"bash": bash, "zsh": zsh}[name](completions, folder)
    try:
        yield shell
    finally:
        shell.close()


def is_there(name):
    return shutil.which(name) is not None
