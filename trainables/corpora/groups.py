"""Items that have something in common, joined into groups.

>>> items, texts = np.array([0, 0, 1, 2, 3]), np.array([7, 8, 8, 9, 7])
>>> joined(4, (items, texts)).tolist()
[0, 0, 1, 0]
"""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


def joined(size: int, *relations: tuple[Numbers, Numbers]) -> Numbers:
    """The number of the group of each of `size` items: int64 [size], in the order in which groups first occur.

    relations: each (items, what they have), two arrays of one length. Items that have one and the same thing are in one
    group, and so are those that both are joined to a third one. Things of different relations are different.
    """
    # scipy takes a good part of a second to import, and command lines that plan no batch need not wait for it.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    total = size
    owners, things = [], []
    for items, had in relations:
        # What is had once joins nothing, and most texts are.
        several = np.bincount(had) > 1
        is_common = several[had]
        owners.append(items[is_common])
        things.append(total + (np.cumsum(several) - 1)[had[is_common]])
        total += int(several.sum())
    pairs = (np.concatenate(owners), np.concatenate(things))
    graph = coo_array((np.ones(len(pairs[0]), dtype=np.int8), pairs), shape=(total, total))
    _, parts = connected_components(graph, directed=False)
    return numbered(parts[:size])


def numbered(values: npt.NDArray[np.integer]) -> Numbers:
    """Equal values by one number, in the order in which they first occur: int64 [n].

    >>> numbered(np.array([5, 3, 5, 9])).tolist()
    [0, 1, 0, 2]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    # Of equal values the first one comes first.
    is_first = np.zeros(len(order), dtype=bool)
    is_first[order[starts]] = True
    number: Numbers = np.cumsum(is_first) - 1
    number[order] = number[order[starts]][np.cumsum(starts) - 1]
    return number
