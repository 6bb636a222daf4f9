"""What README and docs/ quote is what the program, its tables and the Makefile have."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

BINARY = os.environ["MONGOFERRY"]
ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ["base", "ipc", "server", "source", "target", "worker", "applier", "coordinator"]
GUIDES = [ROOT / "README.md", ROOT / "docs/operations.md"]


def run(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60)


def blocks(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.M | re.S)


def options():
    return set(re.findall(r"^  --(\w+)", run("--help").stdout, re.M))


def string_literals():
    """All of the program, each with those that C joins to it."""
    one = r'"(?:\\.|[^"\\\n])*"'
    found = set()
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.[ch]")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        for joined in re.findall(rf"{one}(?:\s*{one})*", text):
            found.add("".join(part[1:-1] for part in re.findall(one, joined)))
    return found


def quoted_messages():
    """The first column of the tables of messages in operations.md, cut where `…` stands for what differs."""
    for table in re.findall(r"^\| message \|.*\n\|[- |]+\n((?:\|.*\n)+)", (ROOT / "docs/operations.md").read_text(), re.M):
        for row in table.splitlines():
            first = row.split(" | ")[0]
            for quoted in re.findall(r"`([^`]+)`", first):
                if not quoted.startswith("--") and quoted != "SIGSTOP":
                    yield from (part.strip(" ;") for part in quoted.split("…"))


def test_the_quoted_messages_are_the_programs():
    parts = [part for part in quoted_messages() if len(part) > 3]
    assert len(parts) > 50
    known = string_literals()
    assert [part for part in parts if not any(part in literal for literal in known)] == []


def test_the_exit_statuses_are_the_table_of_errors():
    errors = re.findall(r"ERROR_KIND\(\w+, (\d+), \w+, \"(.*?)\"\)", (ROOT / "base/error.def").read_text())
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", (ROOT / "docs/operations.md").read_text(), re.M)
    assert rows == sorted(errors, key=lambda error: int(error[0]))


@pytest.mark.parametrize("document", [*GUIDES, ROOT / "SECURITY.md", ROOT / "docs/mongoferry.1.in"], ids=lambda path: path.name)
def test_documents_name_no_other_options(document):
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
    named = re.findall(r"`--(\w+)\b(?!…)", text) + re.findall(r"^\.(?:Pq )?Fl -(\w+)", text, re.M)
    assert set(named) - options() - {"role", "replSet", "name"} == set()


def commands(document):
    """Each command line of `mongoferry` in it, a prompt and what is around it taken away."""
    for block in blocks(document, r"(?:sh|console)"):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            found = re.match(r"(?:\$ )?(?:nohup )?mongoferry (.*)", line)
            if found:
                yield re.split(r" (?:#|&|2?>) ?", found.group(1) + " ")[0]


def test_the_readmes_command_lines_are_understood():
    lines = list(commands(ROOT / "README.md"))
    assert len(lines) >= 3
    for line in lines:
        result = run(*shlex.split(line), "--help")  # parses what is before it
        assert result.returncode == 0 and not result.stderr, (line, result.stderr)


def test_the_readmes_configuration_file_is_understood(tmp_path):
    (block,) = blocks(ROOT / "README.md", "yaml")
    file = tmp_path / "config"
    file.write_text(block + "nonsense: 1\n")
    file.chmod(0o600)
    said = run("--config", str(file)).stderr
    assert f":{len(block.splitlines()) + 1}:" in said and "'nonsense' is no option" in said, said  # so all before it was right


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_what_make_makes(document):
    text = document.read_text()
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.M))
    made = set(re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), re.M))
    assert named <= {name for names in made for name in names.split()}


def anchors(document):
    """What GitHub makes of the headings."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.M)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document):
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", document.read_text()):
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"


def test_the_requests_are_the_table():
    table = re.findall(r'^REQUEST\(\w+, "(\w+)", "([^"]+)", \w+, "([^"]*)", "([^"]*)"\)', (ROOT / "coordinator/control/requests.def").read_text(), re.M)
    rows = re.findall(r"^\| `(\w+) (/\w*)` \| (.*?) ?\| (.*?) \|$", (ROOT / "docs/operations.md").read_text(), re.M)
    assert rows == table
