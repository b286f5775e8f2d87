"""What the atlas is built from: facts of the Unicode CLDR and hand-written wordings."""
