"""What a campaign really did: results against the approved plan, lift, and what the next plan learns from it."""
