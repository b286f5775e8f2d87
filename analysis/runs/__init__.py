"""Rankings of anybody's systems: read from run files, measured against judgements, compared as arms of a study are."""
