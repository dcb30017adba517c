"""Find what is wrong with a set-up before it costs anything; decided from what aws/ has read."""
