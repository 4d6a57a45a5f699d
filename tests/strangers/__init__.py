"""Files from strangers: what attacks models have been used for, and that none of it works here."""
