"""One file per outside system; each translates its words and errors into ours."""
