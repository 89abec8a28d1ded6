"""Say the recall, get the index: plans and searches that are chosen by measuring them."""
