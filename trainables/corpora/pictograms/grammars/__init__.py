"""How scenes are told: one file per language, each with the words it needs and the rules that put them together."""
