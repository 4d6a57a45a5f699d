"""Parts of models, and models with other ends."""
