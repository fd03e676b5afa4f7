"""What of the engine's environment its workers and assistants get: nothing that opens a door elsewhere.

They read files of strangers. What isn't known to be needed, they don't have: tokens, keys of clouds, headers
for collectors, addresses of agents.
"""

from __future__ import annotations

import os
import re
from typing import Final

_NEEDED: Final = re.compile(
    # Where programs, libraries and a user's folders are.
    r"PATH|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|HOME|USER|LOGNAME|TMPDIR|TMP|TEMP|VIRTUAL_ENV|XDG_\w+_HOME"
    r"|SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA|NUMBER_OF_PROCESSORS"
    r"|LANG|LANGUAGE|LC_\w+|TZ"
    # How Python and what computes are set up.
    r"|PYTHON\w+|COVERAGE_\w+|OMP_\w+|OPENBLAS_\w+|MKL_\w+|KMP_\w+|GOMP_\w+|MALLOC_\w+"
    # The authorities that a timestamp's server is checked by.
    r"|SSL_CERT_\w+"
    r"|TF_\w+|XLA_\w+|KERAS_\w+|CUDA_\w+|NVIDIA_\w+|OPENCV_\w+"
    r"|RECASTER_(?!TOKEN|ENGINE|TLS|OTEL)\w+"
)
_SECRET: Final = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|(^|_)KEY(_|$)")


def environment() -> dict[str, str]:
    """Selects the variables of this process that its workers need."""
    return {
        name: value
        for name, value in os.environ.items()
        if _NEEDED.fullmatch(name.upper()) and not _SECRET.search(name.upper())
    }
