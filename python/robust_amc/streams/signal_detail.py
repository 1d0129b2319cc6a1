"""What a modulation is in the words of SigMF's extension `signal` 1.0.0."""

from ..files import Document

# Of RML2016's classes: type, class and order
_DETAILS: dict[str, tuple[str, str, int | None]] = {
    "BPSK": ("digital", "psk", 2),
    "QPSK": ("digital", "psk", 4),
    "8PSK": ("digital", "psk", 8),
    "PAM4": ("digital", "ask", 4),
    "QAM16": ("digital", "qam", 16),
    "QAM64": ("digital", "qam", 64),
    "CPFSK": ("digital", "fsk", 2),
    "GFSK": ("digital", "fsk", 2),
    "AM-DSB": ("analog", "dsb", None),
    "AM-SSB": ("analog", "ssb", None),
    "WBFM": ("analog", "fm", None),
}


def detail(name: str | None) -> Document | None:
    """The object ``signal:detail`` of a modulation; None where the extension has no word for it."""
    if name not in _DETAILS:
        return None
    kind, mod_class, order = _DETAILS[name]
    return {"type": kind, "mod_class": mod_class} | ({} if order is None else {"order": order})
