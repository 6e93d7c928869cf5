"""An installation as deploy/ describes it, with production settings."""
