"""Files of training data in the layouts that people have: one file per layout, recognised by its columns or names."""
