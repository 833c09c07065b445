"""Learning from preferences: a reward model, roll-outs, and the policy-gradient and DPO objectives."""
