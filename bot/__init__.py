"""The doors and the plugs: what starts Elchi and joins it to the outside."""
