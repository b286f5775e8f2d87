"""The plural of a noun that a report uses."""


def plural(noun: str) -> str:
    """Returns the plural of a noun.

    >>> plural("seed"), plural("batch")
    ('seeds', 'batches')
    """
    return f"{noun}{'es' if noun.endswith('ch') else 's'}"
