"""What becomes of memory that is freed."""

from __future__ import annotations

import numpy as np

_LARGEST = 32 << 20
_PAGE = 4096


def keep_freed() -> None:
    """Has the C library keep memory that is freed for what comes next: new pages cost as much as copying to them.

    That of glibc gives back at once what is larger than the largest block that was freed before, up to 32 MB.
    (https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD)
    """
    np.empty(_LARGEST - _PAGE, np.uint8)
