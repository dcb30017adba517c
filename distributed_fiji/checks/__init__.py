"""What is wrong with a set-up before it costs anything: findings, decided over what aws/ has read."""
