"""What the paper claims, each with the figure of ours that answers it.

Zhang et al., IEEE WCL 2022 (arXiv 2407.06807), Sections III-A and III-B. Figures of the
paper that are read from its plots are marked "about".
"""

from dataclasses import dataclass

LEVEL = -10.0  # dB, the PNR that the paper speaks of


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        text: the claim, in words
        paper: its figure in the paper, in words
        systems: one system, or two whose difference is claimed, first less second
        metric: name of the metric
        attack: what is done to the frames
        pnr_db: at which level (None: benign frames)
    """

    text: str
    paper: str
    systems: tuple
    metric: str
    attack: str = "none"
    pnr_db: float | None = None


CLAIMS = (
    Claim("Normal accuracy, undefended", "74.5 %", ("undefended",), "accuracy"),
    Claim("Normal accuracy of HTRD's network, without rejection", "75.5 %", ("cat",), "accuracy"),
    Claim(
        "Normal accuracy of HTRD with rejection (over accepted frames: it is above the one "
        "without, while 10 % are rejected)",
        "78.7 %",
        ("htrd",),
        "accepted_accuracy",
    ),
    Claim("HTRD does not sacrifice normal accuracy", "+1.0 points", ("cat", "undefended"),
          "accuracy"),
    *(
        Claim(f"Benign frames rejected by {name}", "10 %", (name,), "rejection_rate")
        for name in ("nr", "ls_gna_nr", "two_fold", "htrd")
    ),
    Claim("Fig. 4: CAT above LS-GNA, networks alone", "about +17 points", ("cat", "ls_gna"),
          "robust_accuracy", "pgd", LEVEL),
    Claim("Fig. 5: HTRD above LS-GNA with neural rejection", "about +12 points",
          ("htrd", "ls_gna_nr"), "robust_accuracy", "pgd", LEVEL),
    Claim("Fig. 5: HTRD above the two-fold defense", "about +30 points", ("htrd", "two_fold"),
          "robust_accuracy", "pgd", LEVEL),
    Claim("Accuracy of the two-fold defense under the white-box attack", "10 % (of its detector)",
          ("two_fold",), "robust_accuracy", "pgd", LEVEL),
    Claim("The grey-box attack on the two-fold defense is weaker than the white-box one",
          "weaker, no figure", ("two_fold",), "robust_accuracy", "grey", LEVEL),
    Claim("Not in the paper: HTRD above adversarial training with neural rejection", "-",
          ("htrd", "adversarial_nr"), "robust_accuracy", "pgd", LEVEL),
    Claim("Not in the paper: the same where being rejected is a success of the attack", "-",
          ("htrd", "adversarial_nr"), "attacked_accuracy", "pgd", LEVEL),
)  # fmt: skip
