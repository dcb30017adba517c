"""AWS, service by service: clients, what is made, changed, found and removed there, and the documents for it."""
