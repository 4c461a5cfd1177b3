"""What the newsroom does: one noun a file, each verb one transaction."""
