"""Every word a person sees, and how long it may be."""
