"""The smallest possible run on a real account, recording what AWS really answers."""
