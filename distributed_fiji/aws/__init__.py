"""AWS, service by service: clients, documents, and the calls that create, change, find and remove things."""
