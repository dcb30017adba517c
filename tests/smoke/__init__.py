"""A run on a real account, as small as can be, that writes down what AWS really answers."""
