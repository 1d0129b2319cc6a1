"""bfloat16 on a processor that has none: computed in software, slowly, but as in hardware.

With ``HTRD_TEST_BFLOAT16=1`` in the environment the tests take every path that needs bfloat16
(script/test-processors does that). Subprocesses that tests start decide by the processor.
"""

import os

from robust_amc.runtime import device

EVERYWHERE = {"sse2", "asimd"}  # of every 64-bit x86 and ARM processor

if os.environ.get("HTRD_TEST_BFLOAT16") == "1":
    device._BFLOAT16_FLAGS |= EVERYWHERE
