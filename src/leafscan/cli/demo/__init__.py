"""``leafscan demo``: from ratings to recommendations, with the times and the recall on the way."""
