"""What the pictograms are made of: scenes, how they are drawn, and how they are told in eleven languages."""
