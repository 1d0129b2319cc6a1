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
        beside: what is done to the second system's frames instead (None: the same)
    """

    text: str
    paper: str
    systems: tuple[str, ...]
    metric: str
    attack: str = "none"
    pnr_db: float | None = None
    beside: str | None = None

    def sides(self) -> list[tuple[str, str, float | None]]:
        """(system, attack, PNR) of each system."""
        attacks = (self.attack, self.beside or self.attack)
        return [(name, each, self.pnr_db) for name, each in zip(self.systems, attacks)]


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
        for name in ("nr", "ls_gna_nr", "two_fold", "htrd", "adversarial_nr", "residual_nr")
    ),
    Claim("Fig. 4: CAT above LS-GNA, networks alone", "about +17 points", ("cat", "ls_gna"),
          "robust_accuracy", "pgd", LEVEL),
    Claim("Fig. 5: HTRD above LS-GNA with neural rejection", "about +12 points",
          ("htrd", "ls_gna_nr"), "robust_accuracy", "pgd", LEVEL),
    Claim("Fig. 5: HTRD above the two-fold defense", "about +30 points", ("htrd", "two_fold"),
          "robust_accuracy", "pgd", LEVEL),
    Claim("The same, if the paper's 30 % are above its network alone", "about +30 points",
          ("htrd", "adversarial"), "robust_accuracy", "pgd", LEVEL),
    Claim("Attacked frames that the two-fold defense rejects, white-box",
          "10 % (accuracy of its detector)", ("two_fold",), "rejection_rate", "pgd", LEVEL),
    Claim("Two-fold defense: grey-box attack (the paper's own) less white-box attack",
          "the grey-box attack is weaker, no figure", ("two_fold", "two_fold"), "robust_accuracy",
          "grey", LEVEL, beside="pgd"),
    Claim("Not in the paper: accepted accuracy of HTRD above neural rejection alone", "-",
          ("htrd", "nr"), "accepted_accuracy"),
    Claim("Not in the paper: htrd above two_fold, correct where the attack may force rejection",
          "-", ("htrd", "two_fold"), "attacked_accuracy", "pgd", LEVEL),
    *(
        Claim(f"Not in the paper: {name} above {other}, {words}", "-", (name, other), metric,
              "pgd", LEVEL)
        for name, others in (("htrd", ("nr", "adversarial_nr")),
                             ("residual_nr", ("htrd", "adversarial_nr", "two_fold")))
        for other in others
        for metric, words in (("robust_accuracy", "correct or rejected"),
                              ("attacked_accuracy", "correct where the attack may force rejection"))
    ),
    Claim("Not in the paper: accepted accuracy of residual_nr above htrd", "-",
          ("residual_nr", "htrd"), "accepted_accuracy"),
)  # fmt: skip
