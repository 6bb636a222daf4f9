"""What a run says is wrong: the lines of its log without those that tell its phases."""


def complaints(log):
    """Of text or bytes; a list of lines of the same kind."""
    phase = b" info coordinator phase: " if isinstance(log, bytes) else " info coordinator phase: "
    return [line for line in log.strip().splitlines() if phase not in line]
